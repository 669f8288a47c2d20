"""The card network as its callers see it: slow, and at times silent."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from saga.messages import Money
from saga.sdk.faults import chosen
from services.cards.domain import Moods
from services.cards.store import Books, Entry


class NetworkTimeout(Exception):
    """Nobody answered in time: whether anything happened is not known. Call again with the same key."""


@dataclass(frozen=True, slots=True)
class Approved:
    """The money is held under the caller's key until `expires_at`."""

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing is held. `reason` is for machines."""

    reason: str


@dataclass(frozen=True, slots=True)
class CardNetwork:
    """Implements what the payment service needs of a network. Every call may raise NetworkTimeout, or OSError when nobody is there."""

    books: Books
    moods: Moods

    async def open(self, accounts: Mapping[str, Money]) -> None:
        """Open the books, with accounts for the demonstration."""
        await self.books.open(accounts)

    async def authorize(self, key: str, reference: str, customer_id: str, amount: Money) -> Approved | Declined:
        """Hold the amount. Raises NetworkTimeout."""
        await asyncio.sleep(self.moods.latency)
        silent = self._is_silent_for(key, reference) and await self.books.count_call(key) <= self.moods.time_out_calls
        if silent and not chosen(self.moods.seed, "held after all", key, 0.5):
            await self._say_nothing()
        entry = await self.books.authorize(key, reference, customer_id, amount, timedelta(seconds=self.moods.hold))
        if silent:
            await self._say_nothing()
        return _answer(entry)

    async def settle(self, key: str) -> None:
        """The held money is taken. The network honours a capture that was made in time, however late it is told."""
        await asyncio.sleep(self.moods.latency)
        await self.books.end(key, "taken")

    async def let_go(self, key: str) -> None:
        """The held money is the customer's again."""
        await asyncio.sleep(self.moods.latency)
        await self.books.end(key, "let-go")

    def _is_silent_for(self, key: str, reference: str) -> bool:
        marked = bool(self.moods.marker) and self.moods.marker in reference
        return marked or chosen(self.moods.seed, "time-out", key, self.moods.time_outs)

    async def _say_nothing(self) -> None:
        await asyncio.sleep(self.moods.patience)
        raise NetworkTimeout("the card network did not answer in time")


def _answer(entry: Entry) -> Approved | Declined:
    return Declined(entry.reason) if entry.state == "declined" else Approved(entry.expires_at)
