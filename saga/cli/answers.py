"""How a command ends: an exit code, and one line for a person (or one JSON object) where something is wrong. Never a stack trace."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from saga.cli.shown import as_json_line, printable
from saga.errors import (
    ActRefused,
    ConfigurationError,
    Conflict,
    ContractError,
    DefinitionError,
    NotAllowed,
    NotAuthenticated,
    Unavailable,
    UnknownOutcome,
)


class Exit(IntEnum):
    """What the exit codes mean; scripts hang on them."""

    DONE = 0
    NO = 1
    USAGE = 2
    UNAVAILABLE = 3
    NOT_FOUND = 4
    BUG = 70
    CUT = 141  # 128 + SIGPIPE, as shells write it


@contextmanager
def answering(*, as_json: bool) -> Iterator[None]:
    """Turn what a command raises into its line and exit code."""
    try:
        yield
    except (typer.Exit, typer.Abort, KeyboardInterrupt):
        raise
    except BrokenPipeError:  # `saga list | head`: what was not read may have held the answer, so neither 0 nor 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.CUT) from None
    except Exception as error:
        code, word, detail = _said(error)
        if code is Exit.BUG and os.environ.get("SAGA_LOG_LEVEL") == "debug":
            traceback.print_exc()
        text = as_json_line({"code": word, "detail": detail, "exit": int(code)}) if as_json else f"saga: {printable(detail, lines=True)}"
        sys.stderr.write(text.rstrip("\n") + "\n")
        raise typer.Exit(code) from None


def _said(error: Exception) -> tuple[Exit, str, str]:
    match error:
        case ActRefused() | ContractError():
            return Exit.NO, error.code, f"refused ({error.code}): {error.detail}"
        case DefinitionError():
            return Exit.NO, "definition-faults", str(error)
        case ConfigurationError():
            return Exit.USAGE, "configuration", str(error)
        case NotAuthenticated():
            return Exit.USAGE, "unauthenticated", f"{error}: set SAGA_API_KEY or SAGA_API_KEY_FILE"
        case NotAllowed():
            return Exit.NO, "not-allowed", f"refused (not-allowed): {error}"
        case Unavailable():
            return Exit.UNAVAILABLE, "unavailable", str(error)
        case UnknownOutcome() | Conflict():
            return Exit.UNAVAILABLE, "outcome-unknown", "whether this happened is not known: look at the saga, then ask again"
    if type(error) is LookupError:
        return Exit.NOT_FOUND, "not-found", str(error)
    return Exit.BUG, "bug", f"unexpected {type(error).__name__} ({_place(error)}): SAGA_LOG_LEVEL=debug shows more"


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "nowhere"
