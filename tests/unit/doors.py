"""The two doors of the `saga` command onto one desk in memory: as on the machine by the database, and over REST in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from typer.testing import CliRunner, Result

from saga.api.app import build_app
from saga.cli.app import app
from saga.cli.doors import Doors
from saga.config import Settings
from saga.remote.address import Address
from saga.remote.asking import Asking
from saga.remote.desk import RemoteDesk
from tests.unit.fake_operations import FakeOperations

URL = "http://replica.example"


class Recording:
    """A desk that also writes down what it was asked."""

    def __init__(self, desk: FakeOperations) -> None:
        self.desk = desk
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.called.append(name)
        return getattr(self.desk, name)


async def at_once(_seconds: float) -> None:
    """Wait for nothing between tries."""


def remote_desk(desk: Any, key: str = "") -> RemoteDesk:
    """The desk over REST, in this process."""
    rest = build_app(desk, lambda: (b"", "text/plain"), Settings(insecure_dev=True))
    transport = httpx2.ASGITransport(app=rest, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return RemoteDesk(Asking(httpx2.AsyncClient(transport=transport, base_url=f"{URL}/", headers=headers), at_once))


def doors_onto(desk: Any) -> Doors:
    """Both doors; which one a command takes is said by its options."""

    @asynccontextmanager
    async def on_the_machine(_: Settings) -> AsyncIterator[Any]:
        yield desk

    @asynccontextmanager
    async def over_rest(address: Address) -> AsyncIterator[Any]:
        yield remote_desk(desk, address.key)

    return Doors(operations=on_the_machine, remote=over_rest)


def saga(desk: Any, *arguments: str, **environment: str | None) -> Result:
    """Run the command."""
    cleared: dict[str, str | None] = {"SAGA_URL": None, "SAGA_API_KEY": None, "SAGA_API_KEY_FILE": None}
    return CliRunner().invoke(app, [*arguments], obj=doors_onto(desk), env={**cleared, **environment})
