"""What a handler sees and may say.

returns a reply            the effect happened, or was refused by the command's own `refused` type; remembered
raises Refusal             no effect happened and none will: what the handler wrote is rolled back, the refusal is remembered
raises Fault, or anything  a fault that may pass: rolled back, answered `failed`, not remembered; the next attempt tries again
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from saga.errors import SagaError
from saga.messages import Command, DomainEvent, Reply

C = TypeVar("C", bound=Command[Any])


class Fault(SagaError):
    """A fault that may pass. `code` is kebab-case, `detail` one sentence without personal data, `retry_after` in seconds (at most 3600).

    The coordinator waits at least `retry_after` before it asks again.
    """

    def __init__(self, code: str, detail: str = "", retry_after: float | None = None) -> None:
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(f"{code}: {detail}")


class Refusal(SagaError):
    """For a do: no effect happened, and none will. For an undo: it cannot be undone, a person must look. Remembered."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


@dataclass(frozen=True, slots=True)
class Done(Generic[C]):
    """The do that an undo is for, as it was remembered: its id, its command and the reply that it was answered with."""

    command_id: str
    command: C
    reply: Reply


class Reading(Protocol):
    """Questions to the service's own schema."""

    async def fetch(self, query: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        """All rows."""

    async def fetchrow(self, query: str, *arguments: object) -> Mapping[str, Any] | None:
        """The first row, or None."""

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """The first value of the first row, or None."""


class Transaction(Reading, Protocol):
    """The one local transaction of a command, READ COMMITTED: its effect, the remembered answer and the waiting reply share it.

    `command_id` is the idempotency key of the command at hand, `do_id` that of the do (for an undo the id of what it undoes): store it
    with the effect, and the undo finds what to undo. `now` is the database's clock.
    """

    command_id: str
    do_id: str
    now: datetime

    async def execute(self, query: str, *arguments: object) -> str:
        """Run a statement; the answer is the server's command tag, as in "UPDATE 1"."""

    def publish(self, event: DomainEvent, key: bytes | None = None) -> None:
        """Have a domain event sent once this transaction has committed. `key` is the record key, that of the command if None."""
