"""A batch in the making: working folds, decisions in order, and what the transaction will write.

Inputs are decided one after another on the batch's own working folds, also by key, so two records of one saga, or two starts of one
key, in one batch are no conflict (check-store 9). Nothing here waits or talks to anything.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from saga.core.decide import decide
from saga.core.effects import CommandToSend, command_of, sends
from saga.core.events import Event
from saga.core.identity import key_bytes
from saga.core.inputs import UNUSABLE, Act, Decision, Ignored, Input, Pause, ReplyInput, Resume, Start, Tick
from saga.core.lifecycle import LifeToSend, Telling, life_of
from saga.core.project import row_of, waits_for
from saga.core.state import State, next_due
from saga.core.upcast import encode
from saga.definition.graph import Definition
from saga.errors import ActRefused, ContractError
from saga.ports.messaging import InboundRecord
from saga.ports.streams import Append, Batch, DeadLetter, HeldRecord, KeyRow, Mend, PausedDefinition, Pointer, SagaKey
from saga.runtime.audited import entry_of
from saga.runtime.ids import uuid7
from saga.runtime.parked_acts import act_record
from saga.runtime.work import Appended, Dead, Held, Nothing, Refused, Result, Work
from saga.values import value

DefinitionOf = Callable[[str, int], Definition | None]


class Clock(Protocol):
    """What a transaction's first statement has read."""

    now: datetime
    paused: Mapping[tuple[str, str], PausedDefinition]


@value
class Outgoing:
    """What an event sends, a command or a change of its saga's life or both, and the pointer, deleted once all of it is acknowledged."""

    pointer: Pointer
    command: CommandToSend | None
    life: LifeToSend | None = None


@dataclass(slots=True)
class _Stream:
    """A saga in this batch: the version it was loaded at, its working fold, the new events, and the folds of those that are told of."""

    base: int
    state: State
    events: list[Event] = field(default_factory=list)
    told: dict[int, State] = field(default_factory=dict)

    def take(self, decision: Decision, telling: Telling) -> None:
        """Decided: the fold goes on."""
        for event, self.state in zip(decision.events, decision.states, strict=True):
            self.events.append(event)
            if telling.tells(self.state, event):
                self.told[self.state.version] = self.state

    def life(self, version: int) -> LifeToSend | None:
        """What is told of the event at this version, at the end of the batch."""
        state, until = self.told.get(version), version - self.base
        return life_of(state, self.events[until - 1], self.events[:until], waits_for(self.state)) if state else None


class Plan:
    """What one transaction decides. `folds` holds every saga that the works name and that exists; `keys` every key row that exists."""

    def __init__(
        self,
        tx: Clock,
        folds: Mapping[UUID, State],
        keys: Mapping[SagaKey, KeyRow],
        definition_of: DefinitionOf,
        telling: Telling,
    ) -> None:
        self.now = tx.now
        self._paused = tx.paused
        self.batch = Batch()
        self._streams = {saga_id: _Stream(state.version, state) for saga_id, state in folds.items()}
        self._keys = dict(keys)
        self._definition_of = definition_of
        self._telling = telling

    def decide(self, work: Work) -> None:
        """Decide one work and set its result."""
        if work.given is None:
            self._known(work)
        elif isinstance(work.given, Start):
            work.result = self._start(work, work.given)
        else:
            work.result = self._feed(work)
        self._account(work)

    def quarantine(self, work: Work, error: Exception) -> None:
        """A fold or a decision raised: the saga is set aside, its record is a dead letter, all others go on (hazard S18)."""
        name = type(error).__name__
        if work.saga_id is not None:
            self.batch.quarantined.append((work.saga_id, name))
        work.result = Dead(work.target, "quarantined", f"deciding raised {name}")
        self._account(work)

    def finish(self) -> Iterator[Outgoing]:
        """Complete the batch, saga by saga: streams, checks, rows, pointers. Gives what is to be sent after the commit; the batch is
        complete when there is no more."""
        for saga_id, stream in self._streams.items():
            if not stream.events:
                continue
            self.batch.checks.pop(saga_id, None)
            self.batch.appends.append(Append(saga_id, stream.base, tuple(encode(event) for event in stream.events)))
            self.batch.rows.append(row_of(saga_id, stream.state))
            for version, event in enumerate(stream.events, stream.base + 1):
                command = command_of(stream.state, event) if sends(event) else None
                life = stream.life(version)
                if command is not None or life is not None:
                    pointer = Pointer(saga_id, version)
                    self.batch.pointers.append(pointer)
                    yield Outgoing(pointer, command, life)

    def changed(self) -> dict[UUID, State]:
        """The folds after this batch, for the cache: also those that were only read."""
        return {saga_id: stream.state for saga_id, stream in self._streams.items()}

    def _start(self, work: Work, given: Start) -> Result:
        if work.definition is None:
            raise LookupError("a start carries its definition")
        for key in (work.request, work.key):
            row = self._keys.get(key) if key is not None else None
            if row is not None:
                return self._started_before(work, given, row)
        given = replace(given, pause=self._pause_of(given.tenant, work.definition.name))
        decision = decide(work.definition, State(), given, self.now)
        new_id = uuid7(self.now)
        stream = self._streams[new_id] = _Stream(0, State())
        stream.take(decision, self._telling)
        self._take_keys(work, given, new_id)
        return Appended(new_id, decision.events, stream.state)

    def _started_before(self, work: Work, given: Start, row: KeyRow) -> Result:
        """One key, one body, one saga: the first answer again, or a conflict (hazard S9)."""
        if row.body_hash.hex() != given.body_hash:
            detail = "the same key was used before with another body"
            if work.record is not None:
                return Dead(work.target, "conflicting-start", detail)
            return Refused.of(ContractError("conflicting-start", detail))
        self._take_keys(work, given, row.saga_id)
        return Nothing(row.saga_id, Ignored.DUPLICATE)

    def _take_keys(self, work: Work, given: Start, saga_id: UUID) -> None:
        for key in (work.request, work.key):
            if key is not None and key not in self._keys:
                row = KeyRow(key, saga_id, key_bytes(given.partition_key), bytes.fromhex(given.body_hash))
                self._keys[key] = row
                self.batch.keys.append(row)

    def _feed(self, work: Work) -> Result:
        if work.saga_id is None or work.given is None:
            raise LookupError("a reply, tick or act names its saga")
        stream = self._streams.get(work.saga_id)
        if stream is None:
            return self._unknown_saga(work, work.saga_id)
        start = stream.state.start
        if isinstance(work.given, ReplyInput) and work.tenant != start.tenant:
            self._check(work.saga_id, stream)
            return Dead(work.target, "wrong-tenant", "the reply names another tenant than its saga has")
        definition = self._definition_of(start.definition, start.definition_version)
        if definition is None:
            return Held(str(work.saga_id), "version-not-loaded", start.definition, start.definition_version)
        try:
            self._pause_first(definition, stream, work.given)
            decision = decide(definition, stream.state, work.given, self.now)
        except ActRefused as refused:
            self._check(work.saga_id, stream)
            return Refused.of(refused)
        return self._decided(work, work.saga_id, stream, decision)

    def _pause_first(self, definition: Definition, stream: _Stream, given: Input) -> None:
        """A saga of a paused definition that still runs (it was started or touched while the pause was written) is paused before
        anything is decided about it; and nobody resumes it alone."""
        state = stream.state
        pause = None if state.ended else self._pause_of(state.start.tenant, state.start.definition)
        if pause is None:
            return
        if isinstance(given, Resume):
            raise ActRefused("definition-paused", f"all sagas of {state.start.definition} are paused: resume the definition")
        if state.paused is None and not isinstance(given, Pause) and pause.input_id not in state.inputs:
            stream.take(decide(definition, state, pause, self.now), self._telling)

    def _pause_of(self, tenant: str, definition: str) -> Pause | None:
        row = self._paused.get((tenant, definition))
        return None if row is None else Pause(actor=row.actor, reason=row.reason, input_id=row.input_id)

    def _decided(self, work: Work, saga_id: UUID, stream: _Stream, decision: Decision) -> Result:
        if decision.events:
            if isinstance(work.given, Tick) and (due := next_due(stream.state)) is not None:
                work.lateness = (self.now - due).total_seconds()
            stream.take(decision, self._telling)
            return Appended(saga_id, decision.events, stream.state)
        self._check(saga_id, stream)
        why = decision.ignored or Ignored.DUPLICATE
        if why in UNUSABLE:
            return Dead(work.target, why.value, decision.detail)
        if isinstance(work.given, Tick):
            self.batch.mends.append(Mend(saga_id, stream.base, next_due(stream.state)))
        return Nothing(saga_id, why, stream.state)

    def _unknown_saga(self, work: Work, saga_id: UUID) -> Result:
        self.batch.checks.setdefault(saga_id, 0)
        if isinstance(work.given, Act):
            return Refused.of(ActRefused("unknown-saga", "no saga has this id"))
        if work.held is not None:
            return Dead(work.target, "unknown-saga", "no saga of this id appeared while the record was held")
        return Held(str(saga_id), "unknown-saga")

    def _check(self, saga_id: UUID, stream: _Stream) -> None:
        if not stream.events:
            self.batch.checks[saga_id] = stream.base

    def _known(self, work: Work) -> None:
        if work.result is None:
            raise LookupError("a work without an input comes with its result")

    def _account(self, work: Work) -> None:
        stream = self._streams.get(work.saga_id) if work.saga_id else None
        if (entry := entry_of(work, stream.state.start if stream else None)) is not None:
            self.batch.audit.append(entry)
        match work.result:
            case Held(target, reason, definition, version):
                record = self._held_record(work)
                if record is not None:
                    self.batch.held.append(HeldRecord(record, target, reason, definition, version, self.now, work.tenant))
            case Dead(target, reason, detail) if work.record is not None:
                letter = DeadLetter(work.record, target, reason, detail, work.tenant)
                if all((one.record, one.target) != (letter.record, letter.target) for one in self.batch.dead):
                    self.batch.dead.append(letter)
            case _:
                pass

    def _held_record(self, work: Work) -> InboundRecord | None:
        if work.record is not None:
            return work.record
        if isinstance(work.given, Act) and work.saga_id is not None:
            return act_record(work.saga_id, work.given)
        return None
