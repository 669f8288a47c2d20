"""What the audit says of an operator's act: one row a request for each outcome, in the transaction that decided it.

A repetition of a request that is answered from the stream adds nothing: its row was written when it was decided.
"""

from saga.core.events import SagaStarted
from saga.core.inputs import Act, Ignored
from saga.ports.access import AuditEntry
from saga.runtime.operations import DefinitionAct
from saga.runtime.parked_acts import kind_of
from saga.runtime.work import Appended, Held, Nothing, Refused, Work


def entry_of(work: Work, start: SagaStarted | None) -> AuditEntry | None:
    """The row for a decided work; None for what is no person's act, or an act that was audited before. `start` is its saga's."""
    if not isinstance(work.given, Act) or not work.audited:
        return None
    match work.result:
        case Appended():
            outcome, detail = "done", ""
        case Nothing(why=why) if why is not Ignored.DUPLICATE:
            outcome, detail = "unchanged", why.value
        case Held(reason=reason):
            outcome, detail = "held", reason
        case Refused(code=code):
            outcome, detail = "refused", code
        case _:
            return None
    return AuditEntry(
        tenant=start.tenant if start else work.tenant,
        actor=work.given.actor,
        act=kind_of(work.given),
        outcome=outcome,
        input_id=work.given.input_id,
        saga_id=str(work.saga_id),
        definition=start.definition if start else "",
        step=getattr(work.given, "step", ""),
        reason=work.given.reason,
        detail=detail,
    )


def definition_entry(tenant: str, act: DefinitionAct, name: str) -> AuditEntry:
    """The row for an act on all sagas of a definition; whoever writes it says whether it changed anything."""
    return AuditEntry(tenant, act.actor, name, "done", act.input_id, definition=act.definition, reason=act.reason)
