"""From a record to the inputs that it is: a reply for one saga, a start for each definition that listens, an act that was held.

Everything a sender can do wrong ends here as a dead letter with a code; nothing is decided here.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from saga.body import body_hash, canonical, parse_body
from saga.core.identity import key_text
from saga.core.inputs import ReplyInput, Start
from saga.core.starting import read_key
from saga.definition.graph import Definition
from saga.definition.registry import Registry
from saga.errors import ContractError
from saga.messages import Envelope
from saga.ports.messaging import InboundRecord
from saga.ports.streams import HeldRecord
from saga.runtime.parked_acts import ACTS_TOPIC, read_act
from saga.runtime.work import Dead, Held, Routed, Work
from saga.wire import ReplyMessage, is_reply, read_reply

Decode = Callable[[InboundRecord], Envelope]
NewTrace = Callable[[str], str]  # the traceparent of what led here, or '' → that of a new saga

_VERSIONED = re.compile(r"(?P<name>.+)\.v(?P<version>[0-9]{1,9})")
DEFAULT_TENANT = "default"
NOT_ADDRESSED = "not-addressed"
OLD_EPOCH = "old-epoch"


@dataclass(frozen=True, slots=True)
class StartKnown:
    """A definition version that some replica has loaded, as far as routing needs it."""

    definition: str
    version: int
    starts_on: str


class Router:
    """Knows the loaded definitions, the newest version that all live replicas have, and the epoch."""

    def __init__(self, registry: Registry, decode: Decode, epoch: int, new_trace: NewTrace) -> None:
        self._registry = registry
        self._decode = decode
        self._epoch = epoch
        self._new_trace = new_trace
        self._own = [StartKnown(name, one.version, one.starts_on.message_type) for name, one in _newest(registry).items()]
        self._newest = _by_name(self._own)
        self._without_common: dict[str, tuple[int, str]] = {}

    def learn(self, common: Iterable[StartKnown], loaded: Iterable[StartKnown] = ()) -> None:
        """What new sagas run on from now on: per definition the newest version that every live replica has (design 4.9). Starts of those
        that only some replica has, by `loaded` or because we are that one, are held until all have it.

        Why ours count whatever `loaded` says: a replica that stood still for so long that its heartbeat grew old is told that nobody has
        anything, and would pass over every start that it reads until its next beat.
        """
        self._newest = _by_name(common)
        some = _by_name(sorted([*self._own, *loaded], key=lambda known: known.version))
        self._without_common = {name: known for name, known in some.items() if name not in self._newest}

    def newest(self, name: str) -> Definition | None:
        """The definition that a new saga of this name runs on, if it is loaded here."""
        found = self._newest.get(name)
        return self._registry.get(name, found[0]) if found else None

    def route(self, record: InboundRecord) -> Routed:
        """The works of one record."""
        routed = Routed()
        tenant = DEFAULT_TENANT
        try:
            if record.topic == ACTS_TOPIC:
                routed.works.append(read_act(record))
                return routed
            envelope = self._decode(record)
            tenant = envelope.text("tenant") or DEFAULT_TENANT
            self._reply(record, envelope, routed)
            self._starts(record, envelope, routed)
        except ContractError as error:
            routed.works.append(_dead(record, error))
        except Exception as error:
            routed.works.append(_dead(record, ContractError("unreadable", f"reading it raised {type(error).__name__}")))
        for work in routed.works:
            work.tenant = tenant
        if not routed.works and not routed.ignored:
            routed.ignored.append(NOT_ADDRESSED)
        return routed

    def route_again(self, record: InboundRecord, target: str) -> Routed:
        """The works of a record that was kept: only that for the target it was kept for, or all if that was not known."""
        routed = self.route(record)
        if target:
            routed.works = [work for work in routed.works if work.target == target or isinstance(work.result, Dead)]
        return routed

    def route_held(self, held: HeldRecord) -> list[Work]:
        """The works of a record that waited until its time came."""
        works = self.route_again(held.record, held.target).works
        for work in works:
            work.held = held
        return works

    def _reply(self, record: InboundRecord, envelope: Envelope, routed: Routed) -> None:
        if not is_reply(envelope):
            return
        reply = read_reply(envelope)
        if reply.epoch < self._epoch:
            routed.ignored.append(OLD_EPOCH)
            return
        saga_id = _saga_id(reply.saga_id)
        given = _reply_input(record, reply)
        routed.works.append(Work(given=given, saga_id=saga_id, record=record, target=str(saga_id), traceparent=reply.traceparent))

    def _starts(self, record: InboundRecord, envelope: Envelope, routed: Routed) -> None:
        for name, (version, starts_on) in self._newest.items():
            if starts_on != envelope.type:
                continue
            definition = self._registry.get(name, version)
            if definition is None:
                routed.works.append(_waiting(record, name, version))
                continue
            try:
                routed.works.append(self.start_work(definition, envelope, record))
            except ContractError as error:
                routed.works.append(_dead(record, error, target=name))
        for name, (version, starts_on) in self._without_common.items():
            if starts_on == envelope.type:
                routed.works.append(_waiting(record, name, version))
        if not routed.works and _other_version(envelope.type, {starts_on for _, starts_on in self._newest.values()}):
            raise ContractError("unknown-version", "the major version of this type is not known to any definition")

    def start_work(self, definition: Definition, envelope: Envelope, record: InboundRecord | None = None) -> Work:
        """The start of one saga, from Kafka or (without a record) from REST: one operation. A record key is the partition key.

        Raises ContractError for a body or key that cannot work."""
        body = parse_body(envelope.body)
        raw = canonical(body)
        key = read_key(definition, raw)
        given = Start(
            tenant=envelope.text("tenant") or DEFAULT_TENANT,
            key=key,
            partition_key=key_text(envelope.key) or key_text(key.encode()),
            input_id=f"{envelope.source} {envelope.id}",
            body=raw,
            body_hash=body_hash(body).hex(),
            traceparent=self._new_trace(envelope.traceparent),
            tracestate=envelope.tracestate,
            epoch=self._epoch,
        )
        return Work(given=given, definition=definition, record=record, target=definition.name, traceparent=envelope.traceparent)


def _reply_input(record: InboundRecord, reply: ReplyMessage) -> ReplyInput:
    participant, _, kind = record.topic.rpartition(".")
    if kind != "events":
        raise ContractError("wrong-topic", "a reply stands on another topic than <participant>.events")
    return ReplyInput(
        command_id=reply.causation_id,
        participant=participant,
        type=reply.type,
        outcome=reply.outcome,
        attempt=reply.attempt,
        body=canonical(parse_body(reply.body)),
        message_id=f"{reply.source} {reply.id}",
        retry_after_ms=reply.retry_after_ms,
    )


def _saga_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ContractError("unknown-saga", "ce_sagaid is no id of this coordinator") from None


def _dead(record: InboundRecord, error: ContractError, target: str = "") -> Work:
    return Work(given=None, record=record, target=target, result=Dead(target, error.code, error.detail))


def _waiting(record: InboundRecord, name: str, version: int) -> Work:
    return Work(given=None, record=record, target=name, result=Held(name, "version-not-loaded", name, version))


def _other_version(message_type: str, known: set[str]) -> bool:
    parts = _VERSIONED.fullmatch(message_type)
    names = {found["name"] for text in known if (found := _VERSIONED.fullmatch(text))}
    return parts is not None and parts["name"] in names


def _by_name(known: Iterable[StartKnown]) -> dict[str, tuple[int, str]]:
    return {one.definition: (one.version, one.starts_on) for one in known}


def _newest(registry: Registry) -> dict[str, Definition]:
    return {definition.name: definition for definition in sorted(registry.all(), key=lambda d: d.version)}
