"""Logs: one line per event, as key=value for people at a terminal and as JSON for machines."""

import logging
import re
import sys

import structlog

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What ends a line, moves the cursor or turns the direction of writing."""


def escape(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Texts of others are one line that shows what is in it."""
    return {name: escaped(value) if isinstance(value, str) else value for name, value in event.items()}


def escaped(text: str) -> str:
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def write_logs(level: int = logging.INFO) -> None:
    """Configure structlog for this process."""
    renderers: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]  # others print variables
        if sys.stderr.isatty()
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            escape,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
