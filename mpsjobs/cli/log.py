"""structlog on stderr. Loaded only by commands that act."""

import logging
import sys

import click
import structlog


def configure_log() -> None:
    """Log to stderr at the level and in the form that the command line asks for."""
    level, form = click.get_current_context().meta.get("mpsjobs.log", ("warning", "text"))
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
