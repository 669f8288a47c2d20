"""The pure core alone: what `decide` (with its folds) costs a record, in CPU time, without servers, codecs or rows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from time import process_time

from saga.core import events as e
from saga.core.decide import decide
from saga.core.inputs import Decision, ReplyInput, Start
from saga.core.state import State
from saga.definition.graph import Definition
from saga.definition.registry import Registry
from saga.messages import Outcome
from tests.bench.world import REPLIES

SAGAS = 500
ROUNDS = 7
BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)


def microseconds_a_record() -> float:
    """Of the happy shape, five records a saga; the median of some rounds."""
    registry = Registry()
    registry.load("tests.bench.shop")
    (definition,) = registry.all()
    rounds = []
    for _ in range(ROUNDS):
        began = process_time()
        records = sum(len(list(story(definition, f"o-{number}"))) for number in range(SAGAS))
        rounds.append((process_time() - began) / records * 1e6)
    return median(rounds)


def story(definition: Definition, key: str, now: datetime = BEGINNING) -> Iterator[Decision]:
    """One saga from its start to its end; what each record led to. Raises ValueError if it does not complete."""
    body = f'{{"amount_minor":1000,"customer":"c","order_id":"{key}","wants":"a teapot"}}'.encode()
    start = Start(tenant="default", key=key, partition_key=key, input_id=f"in {key}", body=body, body_hash="")
    decision = decide(definition, State(), start, now)
    yield decision
    while not decision.states[-1].ended:
        (issued,) = (event for event in decision.events if isinstance(event, e.StepIssued))
        participant, kind, reply = REPLIES[issued.type]
        now += timedelta(milliseconds=3)
        given = ReplyInput(
            command_id=issued.command_id,
            participant=participant,
            type=kind,
            outcome=Outcome.SUCCEEDED,
            attempt=1,
            body=reply % issued.command_id.encode(),
            message_id=f"m {issued.command_id}",
        )
        decision = decide(definition, decision.states[-1], given, now)
        if not decision.events:
            raise ValueError(f"nothing came of {kind}: {decision.detail}")
        yield decision
