"""An input on its way through a batch, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from saga.core.events import Event
from saga.core.inputs import Ignored, Input, Start
from saga.core.state import State
from saga.definition.graph import Definition
from saga.errors import ActRefused, ContractError, SagaError
from saga.ports.messaging import InboundRecord
from saga.ports.streams import HeldRecord, SagaKey
from saga.values import value

REQUEST_SCOPE = "request:start"

NewId = Callable[[], UUID]


@value
class Appended:
    """Events went to the stream of `saga_id`; `state` is the fold after them."""

    saga_id: UUID
    events: tuple[Event, ...]
    state: State


@value
class Nothing:
    """The decision was empty, and final. `state` is the fold that it was taken on, None if the saga was not read."""

    saga_id: UUID
    why: Ignored
    state: State | None = None


@value
class Held:
    """The record waits for its definition version, or (then without one) for its saga."""

    target: str
    reason: str
    definition: str = ""
    version: int = 0


@value
class Dead:
    """The record is a dead letter."""

    target: str
    reason: str
    detail: str


@value
class Refused:
    """A person's act or start was refused, and why: the code and detail of an error of this kind.

    Why not the error itself: one that was raised holds the frames that it came through, and they hold it. Refused batches stayed in memory,
    their sagas with them, until garbage was looked for: 2,168 sagas at a time where people fought over a definition.
    """

    kind: type[ActRefused] | type[ContractError]
    code: str
    detail: str

    @classmethod
    def of(cls, error: ActRefused | ContractError) -> "Refused":
        """What an error says, without it."""
        return cls(type(error), error.code, error.detail)

    def error(self) -> SagaError:
        """To be raised."""
        return self.kind(self.code, self.detail)


Result = Appended | Nothing | Held | Dead | Refused


@dataclass(slots=True)
class Work:
    """One input. A record may make several: one for each definition that it starts and each saga that it feeds. A record that is
    known to be unusable, or to wait, comes with its `result` and without an input. `lateness` (seconds) is set for a tick that fired.

    `saga_id` is known for all but starts; those carry their definition, their key and perhaps a request key.
    """

    given: Input | None
    saga_id: UUID | None = None
    definition: Definition | None = None
    request: SagaKey | None = None
    record: InboundRecord | None = None
    held: HeldRecord | None = None
    result: Result | None = None
    target: str = ""
    tenant: str = "default"
    traceparent: str = ""
    lateness: float | None = None
    audited: bool = True  # False: the act is one of many of an act that has its own row of audit

    @property
    def key(self) -> SagaKey:
        """The business key of a start."""
        if not isinstance(self.given, Start) or self.definition is None:
            raise LookupError("only a start has a key")
        return SagaKey(self.given.tenant, self.definition.name, self.given.key)


@dataclass(slots=True)
class Routed:
    """What one record asks for: works, and the reasons why it asks for nothing (each counted)."""

    works: list[Work] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
