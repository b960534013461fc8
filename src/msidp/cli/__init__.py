"""The `msidp` command: one file a command group."""

import click


@click.group()
@click.version_option(package_name="msidp")
def main() -> None:
    """An OpenID Connect identity provider with members, plans and signed webhooks."""
