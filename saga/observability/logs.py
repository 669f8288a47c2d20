"""Structured logs: one JSON object a line, so that no value can forge a second line (hazard A11); `console` format for people."""

import logging
import sys
from typing import Any, TextIO

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def make_logger(name: str, level: str = "info", form: str = "json", out: TextIO | None = None) -> Any:
    """A logger that writes to `out` (stderr). Fields are keyword arguments; saga_id, step and trace_id where there is one."""
    renderer = structlog.dev.ConsoleRenderer() if form == "console" else structlog.processors.JSONRenderer()
    processors = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if form == "console" else [structlog.processors.format_exc_info]),
        renderer,
    ]
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out or sys.stderr), processors=processors, wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level])
    )
    return logger.bind(logger=name)


def silent_logger() -> Any:
    """A logger that writes nothing."""
    return structlog.wrap_logger(None, processors=[_drop], wrapper_class=structlog.BoundLogger)


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent
