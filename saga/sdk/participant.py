"""A participant: which commands a service handles and with what. Plain data; nothing runs until it is served.

    payment = Participant("payment")

    @payment.handles(AuthorizePayment)
    async def authorize(command: AuthorizePayment, db: Transaction) -> PaymentAuthorized | PaymentDeclined: ...

    @payment.undoes(AuthorizePayment, VoidPayment)
    async def void(command: VoidPayment, db: Transaction, done: Done[AuthorizePayment]) -> None: ...

A step whose work lies outside the database and may take long is `works`: its function runs outside any transaction, while the SDK says
`in-progress`, and returns what to do in the transaction that ends it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

from saga.messages import PARTICIPANT, Command, Reply
from saga.sdk.handler import Done, Transaction

C = TypeVar("C", bound=Command[Any])
U = TypeVar("U", bound=Command[Any])
R = TypeVar("R", bound=Reply)

DoHandler = Callable[[C, Transaction], Awaitable[R]]
UndoHandler = Callable[[U, Transaction, Done[C]], Awaitable[None]]
Finish = Callable[[Transaction], Awaitable[R]]
Work = Callable[[C, str], Awaitable[Finish[R]]]


@dataclass(frozen=True, slots=True)
class DoEntry:
    """A do: its command and its handler, or its work (exactly one of the two)."""

    command: type[Command[Any]]
    handler: Callable[..., Awaitable[Reply]] | None = None
    work: Callable[..., Awaitable[Callable[..., Awaitable[Reply]]]] | None = None


@dataclass(frozen=True, slots=True)
class UndoEntry:
    """An undo: its command, and a handler for each type of do that it can undo."""

    command: type[Command[Any]]
    handlers: Mapping[str, Callable[..., Awaitable[None]]]


class Participant:
    """A service's handlers by type of command. `name` is its name on the wire: topics `<name>.commands` and `<name>.events`."""

    def __init__(self, name: str) -> None:
        if not PARTICIPANT.fullmatch(name):
            raise TypeError(f"{name!r} is no participant's name ([a-z][a-z0-9-]{{0,62}})")
        self.name = name
        self._dos: dict[str, DoEntry] = {}
        self._undos: dict[str, UndoEntry] = {}

    @property
    def dos(self) -> Mapping[str, DoEntry]:
        """Dos by type on the wire."""
        return MappingProxyType(self._dos)

    @property
    def undos(self) -> Mapping[str, UndoEntry]:
        """Undos by type on the wire."""
        return MappingProxyType(self._undos)

    @property
    def source(self) -> str:
        """`ce_source` of everything that this participant says."""
        return f"/{self.name}"

    @property
    def commands_topic(self) -> str:
        """Where it is asked."""
        return f"{self.name}.commands"

    @property
    def events_topic(self) -> str:
        """Where it answers."""
        return f"{self.name}.events"

    def handles(self, command: type[Command[R]]) -> Callable[[DoHandler[C, R]], DoHandler[C, R]]:
        """Register the handler of a do. Raises TypeError for another participant's command and for a second handler."""

        def register(handler: DoHandler[C, R]) -> DoHandler[C, R]:
            self._check(command, handler)
            self._dos[command.message_type] = DoEntry(command, handler=handler)
            return handler

        return register

    def works(self, command: type[Command[R]]) -> Callable[[Work[C, R]], Work[C, R]]:
        """Register the work of a do that calls outside: `async def work(command, command_id)` returns `async def finish(db)`.

        It may be called again with the same command id after a crash or a fault: hand the id to whoever is called as their
        idempotency key. Any exception but Refusal means: try again later, while `in-progress` is said.
        """

        def register(work: Work[C, R]) -> Work[C, R]:
            self._check(command, work)
            self._dos[command.message_type] = DoEntry(command, work=work)
            return work

        return register

    def undoes(self, do: type[C], undo: type[U]) -> Callable[[UndoHandler[U, C]], UndoHandler[U, C]]:
        """Register the handler that undoes `do` when `undo` comes. It is only called for a do that succeeded and was not undone."""

        def register(handler: UndoHandler[U, C]) -> UndoHandler[U, C]:
            known = self._undos.get(undo.message_type)
            if known is not None and do.message_type in known.handlers:
                raise TypeError(f"{undo.__name__} of {do.__name__} has a handler already")
            if known is None:
                self._check(undo, handler)
            handlers = {**(known.handlers if known else {}), do.message_type: handler}
            self._undos[undo.message_type] = UndoEntry(undo, MappingProxyType(handlers))
            return handler

        return register

    def can_be_undone(self) -> frozenset[str]:
        """The types of dos that have an undo: their successes are remembered by no clock (wire.md section 4)."""
        return frozenset(do for entry in self._undos.values() for do in entry.handlers)

    def _check(self, command: type[Command[Any]], handler: Callable[..., Any]) -> None:
        if command.participant != self.name:
            raise TypeError(f"{command.__name__} is for {command.participant!r}, not for {self.name!r}")
        if command.message_type in self._dos or command.message_type in self._undos:
            raise TypeError(f"{command.__name__} has a handler already")
        taken = _first_hint(handler)
        if taken is not None and taken is not command:
            raise TypeError(f"the handler of {command.__name__} takes {getattr(taken, '__name__', taken)}")


def _first_hint(handler: Callable[..., Any]) -> object | None:
    try:
        hints = get_type_hints(handler)
    except NameError:  # imported for type checkers only: mypy has looked already
        return None
    return next((hint for name, hint in hints.items() if name != "return"), None)
