"""SQL of the payment service."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from saga.messages import Money
from saga.sdk import Reading, Transaction
from services.payment.domain import Account, Payment, PaymentState

SCRIPTS = ((Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8"),)


async def open_account(db: Transaction, customer_id: str, balance: Money) -> None:
    """Open an account; one that exists is left as it is."""
    await db.execute(
        "insert into account (customer_id, currency, balance) values ($1, $2, $3) on conflict do nothing",
        customer_id,
        balance.currency,
        balance.minor,
    )


async def lock_account(db: Transaction, customer_id: str) -> Account | None:
    """The account, kept from everybody else until the end of the transaction."""
    row = await db.fetchrow("select customer_id, currency, balance, held from account where customer_id = $1 for update", customer_id)
    return None if row is None else Account(row["customer_id"], row["currency"], row["balance"], row["held"])


async def add_payment(db: Transaction, payment: Payment) -> None:
    """Hold the amount of a new payment."""
    await db.execute(
        "insert into payment (payment_id, do_id, order_id, customer_id, amount, currency, state) values ($1, $2, $3, $4, $5, $6, $7)",
        payment.payment_id,
        db.do_id,
        payment.order_id,
        payment.customer_id,
        payment.amount.minor,
        payment.amount.currency,
        payment.state,
    )
    await db.execute("update account set held = held + $2 where customer_id = $1", payment.customer_id, payment.amount.minor)


async def lock_payment(db: Transaction, payment_id: str) -> Payment | None:
    """A payment by its id, locked."""
    return _payment(await db.fetchrow("select * from payment where payment_id = $1 for update", payment_id))


async def lock_payment_of(db: Transaction, do_id: str) -> Payment | None:
    """The payment that a do made, locked."""
    return _payment(await db.fetchrow("select * from payment where do_id = $1 for update", do_id))


async def void(db: Transaction, payment: Payment) -> None:
    """Let the money go."""
    await db.execute("update payment set state = 'voided' where payment_id = $1", payment.payment_id)
    await db.execute("update account set held = held - $2 where customer_id = $1", payment.customer_id, payment.amount.minor)


async def capture(db: Transaction, payment: Payment) -> None:
    """Take the money."""
    await db.execute("update payment set state = 'captured' where payment_id = $1", payment.payment_id)
    await db.execute(
        "update account set held = held - $2, balance = balance - $2 where customer_id = $1", payment.customer_id, payment.amount.minor
    )


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


async def ledger(db: Reading, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
    """Entries above `after`, oldest first."""
    return await db.fetch("select * from ledger where entry > $1 order by entry limit $2", after, limit)


async def accounts(db: Reading, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """Accounts in order of customer id."""
    return await db.fetch("select * from account where customer_id > $1 order by customer_id limit $2", after, limit)


def _payment(row: Mapping[str, Any] | None) -> Payment | None:
    if row is None:
        return None
    amount = Money(minor=row["amount"], currency=row["currency"])
    return Payment(row["payment_id"], row["order_id"], row["customer_id"], amount, PaymentState(row["state"]))
