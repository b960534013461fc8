"""What `msidp doctor` looks at beyond readiness: settings, files, clock, mail, workers."""

import os
import smtplib
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from urllib.parse import urlsplit

import redis
from rq import Worker
from rq.utils import as_text, utcparse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from msidp import clock, db, queue
from msidp.mail import delivery, smtp
from msidp.ops import checks
from msidp.ops.checks import Check
from msidp.settings import GOOD_SECRET_KEY, Settings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SECRETS = ("secret.key", "msidp.env", "msidp.db")
OTHER_VARIABLES = {"MSIDP_REQUIRE_BROWSER", "MSIDP_ENDURANCE"}  # of the tests
MAX_SKEW = 5.0  # seconds
SILENCE = 45.0  # seconds after which a worker that has not been heard of is taken for dead
ACCEPTED = 250  # SMTP: done
RELEASED = 1_767_225_600  # 2026-01-01: no clock of today shows less


def examine(settings: Settings) -> list[Check]:
    """Every check, those of readiness included. Needs an application context.

    A queue that does not answer is waited for once.
    """
    ready = checks.ready()
    queue_answers = all(check.ok for check in ready if check.name == "queue")
    return [
        *check_settings(settings),
        check_files(settings),
        *ready,
        check_workers(workers_at_work() if queue_answers else None),
        check_clock(_other_clocks(queue_answers)),
        *check_mail(settings),
    ]


def check_settings(settings: Settings) -> list[Check]:
    """Whether the settings make sense together. That each is valid was seen when they were loaded."""
    found = []
    known = {f"MSIDP_{field.upper()}" for field in Settings.model_fields}
    for name in sorted(given_names(settings) - known):
        close = get_close_matches(name, known, n=1)
        mend = f"Did you mean {close[0]}?" if close else "Remove it."
        found.append(Check("settings", False, f"{name} is no setting of msidp", mend))
    host = urlsplit(settings.base_url).hostname or ""
    if not settings.secure and host != "localhost" and not host.startswith("127.") and host != "::1":
        mend = "Serve the site by https and set MSIDP_BASE_URL to its https address."
        found.append(Check("settings", False, f"{settings.base_url} is plain http", mend))
    if any(len(key) < GOOD_SECRET_KEY for key in settings.secret_keys):
        mend = "Put a longer one in front of it, separated by a comma: the newest comes first."
        found.append(Check("settings", False, f"a secret key has under {GOOD_SECRET_KEY} characters", mend))
    return found or [Check("settings", True, "valid")]


def given_names(settings: Settings) -> set[str]:
    """The MSIDP_ names in the environment and in msidp.env."""
    file = settings.instance_dir / "msidp.env"
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    names = {*os.environ, *(line.partition("=")[0].removeprefix("export ").strip() for line in lines)}
    return {name for name in names if name.startswith("MSIDP_")} - OTHER_VARIABLES


def check_files(settings: Settings) -> Check:
    """Whether the instance directory's secrets are for this user alone."""
    directory = settings.instance_dir
    if not os.access(directory, os.W_OK):
        return Check("files", False, f"{directory} is not writable", "Correct its owner.")
    secrets = (path for path in (directory / name for name in _SECRETS) if path.exists())
    if directory.stat().st_mode & _OTHERS and any(path.stat().st_mode & _OTHERS for path in secrets):
        return Check("files", False, f"other users may open {directory}", f"Run: chmod -R go= {directory}")
    return Check("files", True, f"the secrets in {directory} are for this user alone")


def check_workers(count: int | None) -> Check:
    """Whether somebody takes work from the queue."""
    if count is None:
        return Check("workers", False, "not known without the queue", "Mend the queue first.")
    if not count:
        return Check("workers", False, "none listens: deliveries wait", "Start `msidp up` or `msidp worker`.")
    return Check("workers", True, f"{count} at work")


def workers_at_work() -> int | None:
    """How many workers take work from the queue; None where it does not answer."""
    try:
        return sum(map(_is_at_work, queue.connection().smembers(Worker.redis_workers_keys)))
    except (redis.RedisError, OSError):
        return None


def _is_at_work(key: bytes | str) -> bool:
    """Whether this worker has neither ended nor fallen silent (a killed one does not say that it ended)."""
    death, heartbeat = queue.connection().hmget(as_text(key), "death", "last_heartbeat")
    if death or not heartbeat:
        return False
    return time.time() - utcparse(as_text(heartbeat)).timestamp() < SILENCE


def check_clock(clocks: Mapping[str, float]) -> Check:
    """Whether this machine's clock agrees with others, each in seconds since 1970."""
    mend = "Have this machine's clock set by NTP (e.g. systemd-timesyncd or chrony)."
    if time.time() < RELEASED:
        return Check("clock", False, f"it shows {time.strftime('%Y-%m-%d', time.gmtime())}", mend)
    for name, now in clocks.items():
        if abs(now - time.time()) > MAX_SKEW:
            return Check("clock", False, f"{now - time.time():+.0f} seconds at {name}", mend)
    return Check("clock", True, f"agrees with {', '.join(clocks)}" if clocks else "shows a likely time")


def _other_clocks(queue_answers: bool) -> dict[str, float]:
    """Those of the queue and of the database. What does not answer is told by its own check."""
    clocks: dict[str, float] = {}
    if queue_answers:
        with suppress(redis.RedisError, OSError):
            seconds, micros = queue.connection().time()
            clocks["the queue"] = seconds + micros / 1e6
    if db.engine_name() == "postgresql":
        with suppress(SQLAlchemyError), db.reading() as session:
            now = session.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
            clocks["the database"] = float(now or 0)
    return clocks


def check_mail(settings: Settings) -> list[Check]:
    """Whether mails can be sent, and whether some were not."""
    server = settings.mail_server
    if server is None:
        message = "no MSIDP_SMTP_URL; mails are kept in the development inbox, /dev/inbox"
        return [Check("mail", True, message)]
    name = f"{server.host}:{server.port}"
    sender = smtp.sender_address(settings)
    try:
        with smtp.connection(server, settings) as client:
            code, said = client.mail(sender)
    except (smtp.Unavailable, smtplib.SMTPException, OSError) as error:
        mend = "Correct MSIDP_SMTP_URL: scheme, host, port, user and password."
        return [Check("mail", False, f"{name} cannot be used", mend, str(error))]
    if code != ACCEPTED:
        mend = "Set MSIDP_MAIL_FROM to an address that this server lets you send from."
        return [
            Check("mail", False, f"{name} refuses the sender {sender}", mend, said.decode(errors="replace"))
        ]
    return [Check("mail", True, f"{name} takes mail from {sender}"), *_check_lost_mail()]


def _check_lost_mail() -> list[Check]:
    """Mails of the last day that were given up."""
    try:
        with db.reading() as session:
            count, why = delivery.lost_since(session, clock.now() - clock.DAY)
    except SQLAlchemyError:
        return []  # its own check tells
    if not count:
        return []
    mend = "Look for `a mail was refused` in the worker's log."
    return [Check("mail", False, f"{count} given up since yesterday", mend, why or "")]
