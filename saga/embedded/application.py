"""What an application brings to its demonstration."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx2


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is: addresses that the demonstration has just made. `fetch_wait` (seconds) suits the embedded broker, which answers
    a fetch when that time is over and not when there are records; `session_timeout` is how long a group waits for a member that was killed
    (a real broker allows no less than six seconds)."""

    coordinator_dsn: str
    services_dsn: str
    bootstrap: str
    coordinator_url: str
    service_urls: Mapping[str, str]
    fetch_wait: float = 0.02
    session_timeout: float = 2.0


class Order(Protocol):
    """One order. `kind` says what is going to happen to it; `cancelled` ones are cancelled by an operator on their way."""

    @property
    def order_id(self) -> str:
        """Its business key."""

    @property
    def kind(self) -> str:
        """What is going to happen to it."""


class Figures(Protocol):
    """What came of the orders, from the services' own tables."""

    orders: int
    completed: int
    compensated: int
    cancelled: int
    unfinished: tuple[str, ...]
    duplicate_deliveries: int
    duplicate_effects: int
    money_captured_minor: int
    money_expected_minor: int
    stock_missing: int
    outcomes: dict[str, list[float]]


class Application(Protocol):
    """`application(orders, seed)` of the module that is named on the command line gives one of these."""

    participants: Sequence[str]
    definitions: str
    orders: Sequence[Order]

    def processes(self, place: Place) -> Sequence[tuple[str, Sequence[str], Mapping[str, str]]]:
        """Name, arguments for Python, and environment of each process. Each answers /readyz at its URL in `place`."""

    async def place(self, client: httpx2.AsyncClient, place: Place, order: Order) -> None:
        """Place an order over REST; repeats until it is taken."""

    async def ended(self, place: Place) -> int:
        """How many orders have ended, by the services' own tables."""

    async def figures(self, place: Place, cancelled: Collection[str]) -> Figures:
        """The check. `cancelled` are the orders whose cancellation the coordinator accepted."""
