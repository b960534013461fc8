"""`msidp` commands in this process, which spares them seconds of imports."""

import os

from click.testing import CliRunner, Result

from msidp.cli import main


def run(*arguments: str, env: dict[str, str], given: str | None = None) -> Result:
    """Run one with these settings and no others. What it changes of the process is put back."""
    unset = {name: None for name in os.environ if name.startswith("MSIDP_")}
    umask = os.umask(0o022)
    try:
        result = CliRunner().invoke(main, arguments, env={**unset, **env}, input=given, prog_name="msidp")
    finally:
        os.umask(umask)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
