"""The payment service put together, and its read-only HTTP routes.

`SERVICE_SEED='{"currency": "EUR", "accounts": {"ada": 100000}, "cards": {"latency": 0.05, "time_outs": 0.01}}'` opens accounts with the
simulated card network at the start, balances in minor units, and sets the network's moods (services/cards/domain.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from saga.errors import ConfigurationError, Unavailable
from saga.messages import Money
from saga.sdk import Reading, Transaction
from saga.sdk.http import base_app
from saga.sdk.pages import Sum
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings
from services.cards.domain import Moods
from services.cards.network import CardNetwork
from services.cards.store import Books as NetworkBooks
from services.ledger import Books, Key, Limit, add_ledger
from services.payment import store
from services.payment.handlers import payment_participant, sweep_of


def parts(settings: ServiceSettings) -> Parts:
    """What this service brings to the SDK."""
    try:
        moods = Moods(**settings.seed.get("cards", {}))
    except TypeError as error:
        raise ConfigurationError(f"SERVICE_SEED: cards: {error}") from None
    cards = CardNetwork(NetworkBooks(lambda: settings.read_again().postgres_login()), moods)
    currency = settings.seed.get("currency", "EUR")
    accounts = {customer: Money(minor=balance, currency=currency) for customer, balance in settings.seed.get("accounts", {}).items()}

    async def seed(_db: Transaction) -> None:
        try:
            await cards.open(accounts)
        except OSError as error:
            raise Unavailable("the card network", type(error).__name__) from None

    return Parts(payment_participant(cards), store.SCRIPTS, seed, sweep_of(cards))


def build_app(service: Service) -> FastAPI:
    """The ledger's routes, and /payments a page at a time."""
    app = base_app(service)
    add_ledger(app, service, Books(sums, "payments by state, in minor units", store.totals))

    @app.get("/payments")
    async def payments(after: Key = "", limit: Limit = 200) -> Sequence[Mapping[str, Any]]:
        async with service.reading() as db:
            return [dict(row) for row in await store.payments(db, after, limit)]

    return app


async def sums(db: Reading) -> list[Sum]:
    """Per currency and state: what the ledger says is what the payments say."""
    return [
        Sum(f"{row['currency']} {row['state']}, by payments and by ledger", row["amount"], row["amount_by_ledger"])
        for row in await store.totals(db)
    ]
