"""For services that take part in sagas: it gives them what they must not get wrong (wire.md section 4).

    payment = Participant("payment")

    @payment.handles(AuthorizePayment)
    async def authorize(command: AuthorizePayment, db: Transaction) -> PaymentAuthorized | PaymentDeclined: ...

    @payment.undoes(AuthorizePayment, VoidPayment)
    async def void(command: VoidPayment, db: Transaction, done: Done[AuthorizePayment]) -> None: ...

    raise SystemExit(main(parts, build_app))        # saga.sdk.serve; `parts` gives Parts(payment, sql_scripts)

One local transaction holds the key, the effect, the remembered answer and the waiting reply. Every repetition gets the first answer, an
undo that comes before its do leaves a tombstone, and replies are sent after the commit from the service's own outbox.

    incoming.py     record → command, or unusable
    table.py        the table of wire.md as data
    answer.py       answers, and the record that an answer becomes
    participant.py  which handler for which command        handler.py  what a handler sees and may say
    barrier/        the tables and the one way through them
    relay.py        outbox → Kafka                          intake.py   Kafka → gate → offsets
    work.py         long work: in-progress, restarts, undos that wait
    service.py      all of it as one running thing          serve.py    with signals and HTTP, for `__main__`
    settings.py     `SERVICE_*`                             http.py     /livez, /readyz, /barrier, /metrics
    counting.py     what /metrics shows of answering
    pages.py        tables and sums for people, text only
    tracing.py      the span that answers
    faults.py       lost, doubled and late records on purpose, off unless configured
    testing.py      the gate without Kafka

What fails and what then: Postgres away: nothing is answered, the record is tried again, its offset stays. Kafka away: answers wait in
the outbox. A handler raises: rolled back, `failed`. A record nobody can read: set aside with its reason, the partition goes on.

Why the SDK never imports the coordinator: a participant is deployed without it, and the wire is all that they share.
"""

from saga.sdk.handler import Done, Fault, Reading, Refusal, Transaction
from saga.sdk.participant import Participant

__all__ = ["Done", "Fault", "Participant", "Reading", "Refusal", "Transaction"]
