"""The `msidp` command: one file a command group.

The commands import what they need when they run, so that `--help` and the light ones start at once.
"""

import os

import click

from msidp.cli import (
    api,
    cron,
    demo,
    doctor,
    exports,
    keys,
    listen,
    members,
    operators,
    records,
    registration,
    trigger,
    up,
    web,
    worker,
)


@click.group()
@click.version_option(package_name="msidp")
def main() -> None:
    """An OpenID Connect identity provider with members, plans and signed webhooks."""
    os.umask(0o077)  # what we write (database, keys, queue) is for this user alone


for command in (
    up.up,
    web.web,
    worker.worker,
    cron.cron,
    records.migrate,
    doctor.doctor,
    records.api_key,
    records.community,
    keys.keys,
    api.api,
    members.member,
    exports.delivery,
    exports.audit_log,
    registration.initial_access_token,
    operators.operator,
    listen.listen,
    trigger.trigger,
    demo.demo,
):
    main.add_command(command)
