"""Structured logs: one JSON object a line, so that no value can forge a second line (hazard A11); `console` format for people.

Errors are told by type and place. Their messages and the variables of their frames hold what people sent, and a log is read by more
people than a saga (hazard A12).
"""

import logging
import sys
from collections.abc import Callable, Collection, MutableMapping
from pathlib import Path
from traceback import walk_tb
from typing import Any, TextIO

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_FRAMES = 12
_CAUSES = 5
_LONGEST = 500


class Threshold:
    """From which level on lines are written; may change while loggers are in use."""

    def __init__(self, level: str) -> None:
        self.level = level

    def __call__(self, _logger: Any, method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Drop what is below."""
        if _LEVELS.get(method, logging.ERROR) < _LEVELS[self.level]:
            raise structlog.DropEvent
        return entry


def make_logger(name: str, level: str | Threshold = "info", form: str = "json", out: TextIO | None = None) -> Any:
    """A logger that writes to `out` (stderr). Fields are keyword arguments; saga_id, step and trace_id where there is one."""
    last = [_printable, structlog.dev.ConsoleRenderer()] if form == "console" else [structlog.processors.JSONRenderer()]
    processors = [
        level if isinstance(level, Threshold) else Threshold(level),
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _told,
        *last,
    ]
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out or sys.stderr), processors=processors, wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG)
    )
    return logger.bind(logger=name)


def silent_logger() -> Any:
    """A logger that writes nothing."""
    return structlog.wrap_logger(None, processors=[_drop], wrapper_class=structlog.BoundLogger)


class Libraries(logging.Handler):
    """What libraries say by `logging`, in our form. Without it uvicorn, aiokafka and asyncio write bare tracebacks to stderr.

    Of a message only its first line is kept: asyncio puts the repr of an error, and with it values, into the second.
    """

    def __init__(self, logger: Any, level: str = "info") -> None:
        super().__init__(max(logging.WARNING, _LEVELS[level]))
        self._logger = logger

    def begin(self) -> None:
        """Listen to every library of this process."""
        logging.getLogger().addHandler(self)

    def end(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """One line of ours for a record of theirs."""
        first = next(iter(_said(record).splitlines()), "")[:_LONGEST]
        self._logger.log(min(record.levelno, logging.CRITICAL), first, library=record.name, exc_info=record.exc_info)


class Own(logging.Handler):
    """What these packages of ours say by `logging`, whole and at our level, in our form; libraries go on being heard by `Libraries`.

    Why not structlog there: a participant is a service of somebody who logs as Python does, and should not have to know how we do.
    """

    def __init__(self, packages: Collection[str], logger_of: Callable[[str], Any]) -> None:
        super().__init__(logging.DEBUG)
        self._loggers = [logging.getLogger(package) for package in packages]
        self._logger_of = logger_of

    def begin(self) -> None:
        """Listen to these packages, and to nobody twice."""
        for logger in self._loggers:
            logger.addHandler(self)
            logger.setLevel(logging.DEBUG)
            logger.propagate = False

    def end(self) -> None:
        """Listen no more."""
        for logger in self._loggers:
            logger.removeHandler(self)
            logger.setLevel(logging.NOTSET)
            logger.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        """One line for a record, however many its text has."""
        self._logger_of(record.name).log(min(record.levelno, logging.CRITICAL), _said(record), exc_info=record.exc_info)


def _said(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        return str(record.msg)  # a wrong format is a bug of who logs; what it meant is still worth a line


def _told(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an error by its type, its place and those of its causes."""
    given = entry.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given is True else given
    told: list[str] = []
    while isinstance(error, BaseException) and len(told) < _CAUSES:
        told.append(_place(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if told:
        entry["exception"] = " caused by ".join(told)
    return entry


def _place(error: BaseException) -> str:
    frames = [
        f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return f"{type(error).__name__} at {' < '.join(reversed(frames[-_FRAMES:])) or 'nowhere'}"


def _printable(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write out what could move a cursor or begin a line; values that are no text are shown by their repr, which does."""
    for name, value in entry.items():
        if isinstance(value, str):
            entry[name] = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in value)
    return entry


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent
