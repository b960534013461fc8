"""`msidp worker`: an RQ worker that drains deliveries, in this process and one job after the other."""

import gc
from typing import TYPE_CHECKING

import click

from msidp.cli.children import allow_files, name_process
from msidp.cli.common import load_settings

if TYPE_CHECKING:
    from flask import Flask


FILES = 6144  # descriptors: kept connections, those in flight beside them, lookups of names, the database
COLLECT_AFTER = 50_000  # new objects: what deliveries leave behind hardly ever needs the collector


@click.command()
@click.option("--poll", is_flag=True, help="Ask the database for work, and need neither Redis nor cron.")
def worker(poll: bool) -> None:
    """Deliver webhooks, send mail, do the housekeeping. Run one per core that deliveries may use."""
    from msidp.app import create_core

    name_process("msidp-worker")
    app = create_core(load_settings())
    (work_by_polling if poll else work)(app)


def work(app: "Flask") -> None:
    """Work until SIGTERM or SIGINT. Outlives every absence of Redis."""
    from msidp.ops.jobs import run_worker
    from msidp.ops.setup import await_tables

    _prepare()
    with app.app_context():
        await_tables("worker")
        run_worker(app.extensions["msidp_settings"].redis_url)


def work_by_polling(app: "Flask") -> None:
    """The same without Redis."""
    from msidp.ops.poller import run_poller
    from msidp.ops.setup import await_tables

    _prepare()
    with app.app_context():
        await_tables("worker")
        run_poller()


def _prepare() -> None:
    """Have enough files, and the collector pass over all that is loaded: it took an eighth of a delivery."""
    allow_files(FILES)
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
