"""A participant by the table of wire.md section 4, as a pure function over what it remembers of one do.

`handle` takes what is remembered, a command and what the service would do if the table lets it, and gives back what is remembered
then and the outcome. Effects are counted, so that a test can tell what really happened from what the coordinator believes.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from saga.messages import Outcome

UNKNOWN, WORKING, SUCCEEDED, REFUSED, UNDONE, TOMBSTONE = "unknown", "working", "succeeded", "refused", "undone", "tombstone"
DO_CHOICES = ("succeed", "refuse", "fail", "work")
UNDO_CHOICES = ("undo", "refuse", "fail")


class Asked(NamedTuple):
    """A command as it came: `undoes` is empty for a do."""

    command_id: str
    undoes: str
    fence: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class Book:
    """What a participant knows of one do: where it stands, the undo ids it has answered, and the effects that happened."""

    status: str = UNKNOWN
    undos: tuple[tuple[str, Outcome], ...] = ()
    done: int = 0
    undone: int = 0


def handle(book: Book, asked: Asked, choice: str) -> tuple[Book, Outcome]:
    """One command, by the table."""
    return _undo(book, asked, choice) if asked.undoes else _do(book, choice)


def choices(book: Book, asked: Asked) -> tuple[str, ...]:
    """What the service may do: one way only, where the table leaves none."""
    if asked.undoes:
        free = book.status == SUCCEEDED and not asked.fence and asked.command_id not in dict(book.undos)
        return UNDO_CHOICES if free else ("undo",)
    return DO_CHOICES if book.status == UNKNOWN else ("succeed",)


def finish(book: Book, *, succeed: bool) -> tuple[Book, Outcome]:
    """A working do ends by itself."""
    if succeed:
        return replace(book, status=SUCCEEDED, done=book.done + 1), Outcome.SUCCEEDED
    return replace(book, status=REFUSED), Outcome.REFUSED


def forget(book: Book) -> Book:
    """What a participant must not do: lose a refusal, or a tombstone with the key of its undo."""
    return replace(book, status=UNKNOWN, undos=()) if book.status in (REFUSED, TOMBSTONE) else book


def _do(book: Book, choice: str) -> tuple[Book, Outcome]:
    match book.status:
        case "unknown" if choice == "fail":
            return book, Outcome.FAILED
        case "unknown" if choice == "work":
            return replace(book, status=WORKING), Outcome.IN_PROGRESS
        case "unknown":
            return finish(book, succeed=choice == "succeed")
        case "working":
            return book, Outcome.IN_PROGRESS
        case "succeeded":
            return book, Outcome.SUCCEEDED
        case _:
            return book, Outcome.REFUSED


def _undo(book: Book, asked: Asked, choice: str) -> tuple[Book, Outcome]:
    if asked.command_id in dict(book.undos):
        return book, dict(book.undos)[asked.command_id]
    match book.status:
        case "unknown" | "working" | "tombstone":
            return _answer(book, asked, TOMBSTONE, Outcome.NOTHING_TO_UNDO)
        case "refused":
            return _answer(book, asked, REFUSED, Outcome.NOTHING_TO_UNDO)
        case "undone":
            return _answer(book, asked, UNDONE, Outcome.SUCCEEDED)
        case _ if asked.fence or choice == "refuse":
            return _answer(book, asked, SUCCEEDED, Outcome.REFUSED)
        case _ if choice == "fail":
            return book, Outcome.FAILED
        case _:
            return _answer(replace(book, undone=book.undone + 1), asked, UNDONE, Outcome.SUCCEEDED)


def _answer(book: Book, asked: Asked, status: str, outcome: Outcome) -> tuple[Book, Outcome]:
    return replace(book, status=status, undos=(*book.undos, (asked.command_id, outcome))), outcome
