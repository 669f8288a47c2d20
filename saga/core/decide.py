"""decide (definition, state, input, now) → events: everything a saga can do next, on one screen.

    input    handler             what it reads
    Start    SagaStarted         nothing: the fold is empty
    reply    replies.reply       the tables in `table.py` and `undo_table.py`
    Tick     ticks.tick          the due times in the fold
    act      acts.act            design 4.8

and then `proceed`: what has become ready goes out (`forward.advance`), or what must be undone (`compensation.unwind`).
"""

from datetime import datetime

from saga.core import events as e
from saga.core.acts import act
from saga.core.compensation import unwind
from saga.core.draft import Draft
from saga.core.forward import advance
from saga.core.inputs import Act, Decision, Ignored, Input, ReplyInput, Start, Tick
from saga.core.replies import reply
from saga.core.state import State
from saga.core.ticks import tick
from saga.definition.graph import Definition


def decide(definition: Definition, state: State, given: Input, now: datetime) -> Decision:
    """What follows from one input. Pure: the same arguments give the same events, whatever replica asks, and asking sends nothing.

    Raises ActRefused where a person asks for what does not fit; nothing else.
    """
    draft = Draft(definition, state, now)
    match given:
        case Start():
            _start(draft, given)
        case ReplyInput():
            reply(draft, given)
        case Tick():
            tick(draft, given)
        case Act():
            act(draft, given)
    if draft.state.version > state.version:
        proceed(draft)
    return draft.decision()


def proceed(draft: Draft) -> None:
    """Issue what has become ready, or end. After an end nothing is ready."""
    if draft.state.ended:
        return
    if draft.state.turned_back is None:
        advance(draft)
    else:
        unwind(draft)


def _start(draft: Draft, given: Start) -> None:
    if draft.state.started is not None:
        draft.ignore(Ignored.DUPLICATE)
        return
    definition = draft.definition
    draft.emit(
        e.SagaStarted(
            at=draft.now,
            tenant=given.tenant,
            definition=definition.name,
            definition_version=definition.version,
            definition_hash=definition.hash,
            key=given.key,
            partition_key=given.partition_key,
            input_id=given.input_id,
            type=definition.starts_on.message_type,
            body=given.body,
            body_hash=given.body_hash,
            traceparent=given.traceparent,
            tracestate=given.tracestate,
            epoch=given.epoch,
        )
    )
    if given.pause is not None:
        act(draft, given.pause)
