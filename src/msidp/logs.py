"""Structured logs on standard error: for people on a terminal, JSON elsewhere. Never a secret in them."""

import logging
import sys

import structlog

from msidp.settings import Settings


def init_app(_settings: Settings) -> None:
    """Set structlog up for this process. Doing it again changes nothing."""
    human = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([] if human else [structlog.processors.dict_tracebacks]),
            structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
