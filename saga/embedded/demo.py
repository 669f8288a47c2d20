"""The demonstration: real orders through four services, with everything going wrong that may.

    this process: Postgres (wheel), broker (in process), the orders, the killing, the check
    children:     the coordinator (`saga serve`), and each service of the application (`python -m services.payment`)

The application is a package found by its name (`services.demo`): the coordinator knows nothing of orders. What is printed at the end
comes from the services' own tables.
"""

import asyncio
import contextlib
import importlib
import random
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from saga.deployment.topics import LIFECYCLE
from saga.embedded.application import Application, Place
from saga.embedded.broker import EmbeddedBroker
from saga.embedded.kafka import EmbeddedKafka
from saga.embedded.permission import refuse_in_production
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.processes import Child, wait_until
from saga.embedded.report import Report, print_report
from saga.errors import SagaError, Unavailable
from saga.store.migrate import migrate
from saga.transport.topics import create_topics

PARTITIONS = 6
SIDE_BY_SIDE = 16
IN_FLIGHT = 60
START_WITHIN = 60.0
QUIET_FOR = 90.0
DOWN_FOR = 0.7

Show = Callable[[], None]


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`exit`: end after the check instead of staying until Ctrl-C. `as_json`: one JSON line at the end, and nothing else on stdout.
    `real_kafka`: not the broker in this process but a real one. `replicas` of the coordinator; the first is killed."""

    orders: int = 100
    seed: int = 1
    exit: bool = False
    as_json: bool = False
    application: str = "services.demo.application"
    http_port: int = 0
    replicas: int = 1
    real_kafka: bool = False


def run(options: DemoOptions) -> int:
    """Run the demonstration; 0 only if every order ended and every ledger is right, 1 if not, 3 if something could not be started.

    Raises ConfigurationError in production.
    """
    refuse_in_production()
    console = Console(stderr=options.as_json)
    try:
        return asyncio.run(_interruptible(_Demo(options, console)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except SagaError as error:
        console.print(f"[red]{error}[/red]")
        return 3


async def _interruptible(demo: "_Demo") -> int:
    task = asyncio.create_task(demo.run())
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    return await task


class _Demo:
    """One run, from the servers to the report."""

    def __init__(self, options: DemoOptions, console: Console) -> None:
        module = importlib.import_module(options.application)
        self._application: Application = module.application(options.orders, options.seed)
        self._options = options
        self._console = console
        self._services: list[Child] = []
        self._coordinators: list[Child] = []
        self._kills = 0
        self._placed = 0
        self._ended = 0
        self._quiet = False
        self._cancelled: set[str] = set()
        self._chance = random.Random(options.seed)  # noqa: S311 - when to kill, not a secret

    async def run(self) -> int:
        began = time.monotonic()
        async with contextlib.AsyncExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="saga-demo-")))
            place = await self._start(stack, home)
            ordering = time.monotonic()
            await self._work(place)
            report = await self._report(place, time.monotonic() - ordering)
            print_report(report, self._console, place, as_json=self._options.as_json)
            if not self._options.as_json:
                self._console.print(f"[dim]all of it took {time.monotonic() - began:.1f} s; logs in {home}[/dim]")
            if not self._options.exit:
                self._console.print("running until Ctrl-C")
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
        return 0 if report.good else 1

    async def _start(self, stack: contextlib.AsyncExitStack, home: Path) -> Place:
        self._console.print("[bold]starting[/bold] Postgres, a broker, the coordinator and the services, each a process of its own")
        postgres = EmbeddedPostgres()
        await asyncio.to_thread(postgres.start)
        stack.callback(postgres.stop)
        for database in ("coordinator", "services"):
            await postgres.create_database(database)
        bootstrap = await self._start_kafka(stack)
        await migrate(postgres.dsn("coordinator"))
        port = self._options.http_port or _free_port()
        real = self._options.real_kafka
        place = Place(
            coordinator_dsn=postgres.dsn("coordinator"),
            services_dsn=postgres.dsn("services"),
            bootstrap=bootstrap,
            coordinator_url=f"http://127.0.0.1:{port}",
            service_urls={name: f"http://127.0.0.1:{_free_port()}" for name in self._application.participants},
            fetch_wait=0.5 if real else 0.02,
            session_timeout=6.0 if real else 2.0,
        )
        urls = [*place.service_urls.values(), place.coordinator_url]
        self._services = [Child(name, arguments, env, home / f"{name}.log") for name, arguments, env in self._application.processes(place)]
        for number in range(1, self._options.replicas + 1):
            its_port = port if number == 1 else _free_port()
            self._coordinators.append(_coordinator(number, self._environment(place, its_port, number), home))
            urls.append(f"http://127.0.0.1:{its_port}")
        for child in self._children:
            stack.push_async_callback(child.stop)
            await child.start()
        await wait_until(lambda: _all_ready(urls), "the demonstration", START_WITHIN, self._children)
        return place

    async def _start_kafka(self, stack: contextlib.AsyncExitStack) -> str:
        topics = [LIFECYCLE, *(f"{name}.{kind}" for name in self._application.participants for kind in ("commands", "events"))]
        if self._options.real_kafka:
            kafka = EmbeddedKafka()
            await asyncio.to_thread(kafka.start)
            stack.callback(kafka.stop)
            await create_topics(kafka.bootstrap, topics, PARTITIONS)
            return kafka.bootstrap
        broker = EmbeddedBroker()
        await asyncio.to_thread(broker.start)
        stack.callback(broker.stop)
        for topic in topics:
            broker.create_topic(topic, PARTITIONS)
        return broker.bootstrap

    @property
    def _children(self) -> list[Child]:
        return [*self._services, *self._coordinators]

    def _environment(self, place: Place, port: int, number: int) -> dict[str, str]:
        return {
            "SAGA_INSTANCE_ID": f"coordinator-{number}",
            "SAGA_POSTGRES_DSN": place.coordinator_dsn,
            "SAGA_KAFKA_BOOTSTRAP": place.bootstrap,
            "SAGA_DEFINITIONS": self._application.definitions,
            "SAGA_HTTP_PORT": str(port),
            "SAGA_FETCH_WAIT": str(place.fetch_wait),
            "SAGA_SESSION_TIMEOUT": str(place.session_timeout),
            "SAGA_CLAIM_FOR": "3",
            "SAGA_CLAIM_BACKOFF": "3",
            "SAGA_LOG_LEVEL": "info",
            "SAGA_INSECURE_DEV": "true",
        }

    async def _work(self, place: Place) -> None:
        """Place the orders, kill the coordinator on the way, wait until the ledgers say that every order has ended."""
        orders = self._application.orders
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        async with httpx2.AsyncClient(timeout=10) as client:
            with Progress(*columns, console=self._console, transient=False) as progress:
                placed = progress.add_task("orders placed", total=len(orders))
                ended = progress.add_task("orders ended ", total=len(orders))
                watching = asyncio.create_task(self._until_ended(place, lambda: progress.update(ended, completed=self._ended)))
                killing = asyncio.create_task(self._kill_on_the_way(lambda: self._placed >= len(orders) * 0.4))
                await self._place_all(client, place, lambda: progress.update(placed, completed=self._placed))
                await watching
                await killing

    async def _place_all(self, client: httpx2.AsyncClient, place: Place, show: Show) -> None:
        """Customers: a few at a time, and no more orders on their way than a shop of this size would have."""
        waiting = iter(self._application.orders)

        async def customer() -> None:
            for order in waiting:
                while self._placed - self._ended > IN_FLIGHT and not self._quiet:  # noqa: ASYNC110 - the ledgers have no event to wait for
                    await asyncio.sleep(0.02)
                await self._application.place(client, place, order)
                self._placed += 1
                show()
                if order.kind == "cancelled":
                    cancels.create_task(self._cancel(client, place, order.order_id))

        async with asyncio.TaskGroup() as cancels:
            await asyncio.gather(*(customer() for _ in range(SIDE_BY_SIDE)))

    async def _cancel(self, client: httpx2.AsyncClient, place: Place, key: str) -> None:
        """An operator cancels; the answer may be that it is too late, or that nobody is there."""
        for _ in range(400):
            with contextlib.suppress(httpx2.HTTPError, KeyError, IndexError):
                found = (await client.get(f"{place.coordinator_url}/v1/sagas", params={"key": key})).json()["items"]
                if found:
                    url = f"{place.coordinator_url}/v1/sagas/{found[0]['saga_id']}/cancel"
                    answer = await client.post(url, json={"reason": "the customer changed their mind"}, headers={"X-Actor": "demo"})
                    if answer.status_code == httpx2.codes.OK:
                        self._cancelled.add(key)
                    if answer.status_code < 500:
                        return
            await asyncio.sleep(0.05)

    async def _kill_on_the_way(self, reached: Callable[[], bool]) -> None:
        while not reached():  # noqa: ASYNC110 - a progress bar has no event to wait for
            await asyncio.sleep(0.01)
        victim = self._coordinators[0]
        await asyncio.sleep(self._chance.random() * 0.2)
        victim.kill()
        self._kills += 1
        self._console.print(f"[yellow]killed the coordinator (SIGKILL), kill {self._kills}[/yellow]")
        await asyncio.sleep(DOWN_FOR)
        await victim.start()
        self._console.print("[green]started it again[/green]")

    async def _until_ended(self, place: Place, show: Show) -> None:
        changed = time.monotonic()
        while self._ended < len(self._application.orders):
            ended = await self._application.ended(place)
            if ended != self._ended:
                self._ended, changed = ended, time.monotonic()
                show()
            if time.monotonic() - changed > QUIET_FOR:
                self._quiet = True
                self._console.print(f"[red]no order has ended for {QUIET_FOR:.0f} s[/red]")
                return
            self._check_children()
            await asyncio.sleep(0.1)

    def _check_children(self) -> None:
        for child in self._services:
            if not child.alive:
                raise Unavailable(child.name, f"the service ended:\n{child.last_words()}")

    async def _report(self, place: Place, seconds: float) -> Report:
        figures = await self._application.figures(place, self._cancelled)
        parked = await _parked(place)
        return Report(
            figures=figures,
            parked=parked,
            coordinator_kills=self._kills,
            seconds=round(seconds, 2),
        )


def _coordinator(number: int, environment: dict[str, str], home: Path) -> Child:
    return Child(f"coordinator-{number}", ("-m", "saga", "serve"), environment, home / f"coordinator-{number}.log")


async def _parked(place: Place) -> int:
    async with httpx2.AsyncClient(timeout=10) as client:
        answer = await client.get(f"{place.coordinator_url}/v1/sagas", params={"status": "parked", "limit": 200})
        return len(answer.json()["items"])


async def _all_ready(urls: Sequence[str]) -> bool:
    async with httpx2.AsyncClient(timeout=2) as client:
        for url in urls:
            try:
                if (await client.get(f"{url}/readyz")).status_code != httpx2.codes.OK:
                    return False
            except httpx2.HTTPError:
                return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
