"""The card network's books in Postgres. Each function is a connection and a transaction of its own: a call to somebody else."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from saga.messages import Money
from saga.secrets.hosts import any_host
from saga.secrets.servers import PostgresLogin, as_login
from services.cards.domain import Account, reason_to_decline

SCHEMA = (Path(__file__).parent / "sql" / "schema.sql").read_text(encoding="utf-8")
WITHIN = 5.0
_connect = any_host(asyncpg.connect)


@dataclass(frozen=True, slots=True)
class Entry:
    """An authorization as the books have it."""

    key: str
    state: str
    reason: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """The books behind `login`, which is asked for at every call: a password may have been changed since."""

    login: Callable[[], PostgresLogin | str]

    async def open(self, accounts: Mapping[str, Money]) -> None:
        """Make the tables, and open accounts that are not there yet."""
        async with self._transaction() as db:
            await db.execute("select pg_advisory_xact_lock(hashtextextended('card network', 0))")
            await db.execute(SCHEMA)
            await db.executemany(
                """insert into card_network.account (customer_id, currency, at_first, balance) values ($1, $2, $3, $3)
                   on conflict do nothing""",
                [(customer_id, money.currency, money.minor) for customer_id, money in accounts.items()],
            )

    async def count_call(self, key: str) -> int:
        """How often this key was called with, this time included."""
        async with self._transaction() as db:
            times: int = await db.fetchval(
                """insert into card_network.calls as known (key, times) values ($1, 1)
                   on conflict (key) do update set times = known.times + 1 returning times""",
                key,
            )
            return times

    async def authorize(self, key: str, reference: str, customer_id: str, amount: Money, hold: timedelta) -> Entry:
        """Hold the amount or decline it, once per key."""
        async with self._transaction() as db:
            row = await db.fetchrow(
                "select customer_id, currency, balance, held from card_network.account where customer_id = $1 for update", customer_id
            )
            known = await _entry(db, key)
            if known is not None:
                return known
            reason = reason_to_decline(None if row is None else Account(**row), amount)
            state = "declined" if reason else "held"
            await db.execute(
                """insert into card_network.hold (key, reference, customer_id, amount, currency, state, reason, expires_at)
                   values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8::interval)""",
                *(key, reference, customer_id, amount.minor, amount.currency, state, reason or "", hold),
            )
            if reason is None:
                await db.execute("update card_network.account set held = held + $2 where customer_id = $1", customer_id, amount.minor)
            entry = await _entry(db, key)
            assert entry is not None
            return entry

    async def end(self, key: str, state: str) -> None:
        """Take the money that is held under this key (`taken`), or let it go (`let-go`): once, whatever is asked afterwards."""
        async with self._transaction() as db:
            row = await db.fetchrow(
                "update card_network.hold set state = $2 where key = $1 and state = 'held' returning customer_id, amount",
                key,
                state,
            )
            if row is not None:
                taken = row["amount"] if state == "taken" else 0
                await db.execute(
                    "update card_network.account set held = held - $2, balance = balance - $3 where customer_id = $1",
                    *(row["customer_id"], row["amount"], taken),
                )

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        try:
            connection = await _connect(
                **as_login(self.login()).arguments(), timeout=WITHIN, command_timeout=WITHIN, target_session_attrs="read-write"
            )
        except (asyncpg.PostgresError, asyncpg.TargetServerAttributeNotMatched) as error:
            raise ConnectionError(f"the card network is away: {type(error).__name__}") from None
        try:
            async with connection.transaction():
                yield connection
        finally:
            await connection.close(timeout=WITHIN)


async def _entry(db: Any, key: str) -> Entry | None:
    row = await db.fetchrow("select key, state, reason, expires_at from card_network.hold where key = $1", key)
    return None if row is None else Entry(**row)
