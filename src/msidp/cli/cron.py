"""`msidp cron`: rings the doorbell every few seconds and asks for the hourly housekeeping."""

import click

from msidp.cli.children import name_process
from msidp.cli.common import load_settings


@click.command()
def cron() -> None:
    """The clock: due deliveries every 5 seconds, housekeeping every hour. Two do no harm."""
    from msidp import logs

    name_process("msidp-cron")
    settings = load_settings()
    logs.init_app(settings)
    tick(settings.redis_url)


def tick(redis_url: str) -> None:
    """Run until SIGTERM or SIGINT. Outlives every absence of Redis."""
    from msidp.ops.ticker import run_ticker

    run_ticker(redis_url)
