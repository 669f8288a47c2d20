"""SQL of the payment service."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from saga.messages import Money
from saga.sdk import Reading, Transaction
from services.payment.domain import Payment, PaymentState

SCRIPTS = ((Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8"),)
TELL_AGAIN = timedelta(seconds=1)


async def add_payment(db: Transaction, payment: Payment) -> None:
    """A new payment: the network holds the amount."""
    await db.execute(
        """insert into payment (payment_id, do_id, order_id, customer_id, amount, currency, state, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        payment.payment_id,
        payment.hold_key,
        payment.order_id,
        payment.customer_id,
        payment.amount.minor,
        payment.amount.currency,
        payment.state,
        payment.expires_at,
    )


async def lock_payment(db: Transaction, payment_id: str) -> Payment | None:
    """A payment by its id, locked."""
    return _payment(await db.fetchrow("select * from payment where payment_id = $1 for update", payment_id))


async def lock_payment_of(db: Transaction, do_id: str) -> Payment | None:
    """The payment that a do made, locked."""
    return _payment(await db.fetchrow("select * from payment where do_id = $1 for update", do_id))


async def lock_overdue(db: Transaction) -> Payment | None:
    """A payment whose hold is over by the database's clock, locked; its do becomes that of the transaction, for the ledger."""
    row = await db.fetchrow(
        """select * from payment where state = 'held' and expires_at <= clock_timestamp()
           order by expires_at limit 1 for update skip locked"""
    )
    if row is not None:
        db.do_id = row["do_id"]
    return _payment(row)


async def lock_untold(db: Transaction) -> Payment | None:
    """A payment whose hold has ended and the network does not know yet, locked."""
    return _payment(
        await db.fetchrow("select * from payment where tell_at <= clock_timestamp() order by tell_at limit 1 for update skip locked")
    )


async def move(db: Transaction, payment: Payment, state: PaymentState) -> None:
    """The hold has ended in this way; the network is to be told."""
    await db.execute("update payment set state = $2, tell_at = clock_timestamp() where payment_id = $1", payment.payment_id, state)


async def told(db: Transaction, payment: Payment) -> None:
    """The network knows."""
    await db.execute("update payment set tell_at = null where payment_id = $1", payment.payment_id)


async def tell_later(db: Transaction, payment: Payment) -> None:
    """Nobody knows whether the network knows: it is told again."""
    await db.execute("update payment set tell_at = clock_timestamp() + $2::interval where payment_id = $1", payment.payment_id, TELL_AGAIN)


async def enter(db: Transaction, effect: str, order_id: str, payment_id: str, amount: Money) -> None:
    """Append an effect to the ledger."""
    await db.execute(
        """insert into ledger (at, effect, order_id, command_id, do_id, payment_id, amount, currency)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        db.now,
        effect,
        order_id,
        db.command_id,
        db.do_id,
        payment_id,
        amount.minor,
        amount.currency,
    )


async def payments(db: Reading, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """Payments in order of payment id."""
    return await db.fetch("select * from payment where payment_id > $1 order by payment_id limit $2", after, limit)


async def totals(db: Reading) -> Sequence[Mapping[str, Any]]:
    """Minor units per currency and state, by the payments and by the ledger: two ways to the same figures."""
    return await db.fetch(
        """select coalesce(p.currency, l.currency) as currency, coalesce(p.state, l.state) as state, coalesce(p.payments, 0) as payments,
                  coalesce(p.amount, 0) as amount, coalesce(l.amount, 0) as amount_by_ledger
           from (select currency, state, count(*) as payments, sum(amount)::bigint as amount from payment group by currency, state) p
           full join (
               select currency, state, sum(moved.amount)::bigint as amount from ledger
               cross join lateral (values
                   (case effect when 'authorized' then 'held' when 'voided' then 'voided' when 'expired' then 'expired'
                                when 'captured' then 'captured' end, amount),
                   (case when effect in ('voided', 'expired', 'captured') then 'held' end, -amount)) as moved (state, amount)
               where state is not null group by currency, state) l using (currency, state)
           order by 1, 2"""
    )


def _payment(row: Mapping[str, Any] | None) -> Payment | None:
    if row is None:
        return None
    amount = Money(minor=row["amount"], currency=row["currency"])
    state = PaymentState(row["state"])
    return Payment(row["payment_id"], row["do_id"], row["order_id"], row["customer_id"], amount, state, row["expires_at"])
