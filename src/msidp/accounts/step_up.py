"""Where a member who is logged in proves more of who they are, because an application asks for it."""

from collections.abc import Collection

from msidp.accounts.sessions import Login


def url(login: Login, wanted: Collection[str], next_: str) -> str | None:
    """The path of the page on which this log-in comes to satisfy one of the `wanted` classes.

    `wanted` holds values of `acr` (see `assurance`). The page leads on to `next_`, a local path, where the
    log-in is looked at again. None where the member has no means that would reach any of them.
    """
    return None
