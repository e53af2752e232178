"""The log on stderr. Loaded only by commands that act."""

import logging
import sys
from typing import TextIO

import click
import structlog


def configure_log() -> None:
    """Log to stderr at the level and in the form that the command line asks for."""
    level, form = click.get_current_context().meta.get("mpsjobs.log", ("warning", "text"))
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    processors: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        renderer,
    ]
    handler = _Stderr()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=processors))
    log = logging.getLogger("mpsjobs")
    log.handlers = [handler]
    log.setLevel(level.upper())
    log.propagate = False


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at the moment: a live view puts something in its place that keeps lines above it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)
