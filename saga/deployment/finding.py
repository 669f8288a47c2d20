"""A finding: one line that an operator reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. A fault makes `saga doctor` end with 1, and a strict replica refuse to start where it is about topics."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of a subject, and what to do about it; `mend` is empty where nothing is to be done."""

    level: Level
    subject: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}" + (f" -- {self.mend}" if self.mend else "")


def ok(subject: str, what: str) -> Finding:
    """All is well with it."""
    return Finding(Level.OK, subject, what)


def warning(subject: str, what: str, mend: str) -> Finding:
    """It works, and should be mended before something else breaks."""
    return Finding(Level.WARNING, subject, what, mend)


def fault(subject: str, what: str, mend: str) -> Finding:
    """It does not work, or loses something."""
    return Finding(Level.FAULT, subject, what, mend)


def faults_of(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The faults among them."""
    return tuple(one for one in findings if one.level is Level.FAULT)
