"""What the library logs: structlog on top of the standard library's `logging`, whose configuration belongs to the program around it."""

import logging
from typing import cast

import structlog


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger `mpsjobs.NAME`. Unconfigured it is as quiet as any library: only warnings show."""
    wrapped = structlog.wrap_logger(
        logging.getLogger(f"mpsjobs.{name}"),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return cast("structlog.stdlib.BoundLogger", wrapped)
