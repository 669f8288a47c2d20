"""An operator's act for a definition version that is not loaded here is held like a record and answered 202 (design 4.9, 7).

It gets the form of a record of a topic that does not exist, so that holding, claiming and deciding it are the code that records use.
"""

from uuid import UUID

import orjson

from saga.core.inputs import Act, AnswerByHand, Cancel, Doubt, Fence, Pause, Resume, RetryByHand, Skip
from saga.errors import ContractError
from saga.ports.messaging import InboundRecord
from saga.runtime.work import Work

ACTS_TOPIC = "saga.acts"
_KINDS: dict[str, type[Act]] = {
    "cancel": Cancel,
    "pause": Pause,
    "resume": Resume,
    "retry": RetryByHand,
    "skip": Skip,
    "doubt": Doubt,
    "answer": AnswerByHand,
    "fence": Fence,
}


def kind_of(act: Act) -> str:
    """The name of the act, as routes, commands and the audit call it."""
    return next(name for name, cls in _KINDS.items() if isinstance(act, cls))


def act_record(saga_id: UUID, act: Act) -> InboundRecord:
    """The act as a record; its bytes, hence its primary key among held records, follow from the request's input id."""
    kind = kind_of(act)
    fields = {name: getattr(act, name) for name in act.__dataclass_fields__ if name != "remembered"}
    value = orjson.dumps({"act": kind, "saga_id": str(saga_id), **fields}, option=orjson.OPT_SORT_KEYS)
    return InboundRecord(ACTS_TOPIC, 0, 0, None, value, ())


def read_act(record: InboundRecord) -> Work:
    """The act of such a record."""
    fields = orjson.loads(record.value or b"{}")
    kind = _KINDS.get(fields.pop("act", ""))
    saga_id = fields.pop("saga_id", "")
    if kind is None:
        raise ContractError("unknown-act", "this release does not know the act")
    return Work(given=kind(**fields), saga_id=UUID(saga_id), record=record, target=saga_id)
