"""`saga dev`: Postgres, a broker, a coordinator and one's own services, started again whenever a file of theirs changes.

    this process: Postgres (kept in the data directory), the broker, the watch
    children:     the coordinator (`saga serve`), and each service (`python -m bistro.service`)

What the broker in this process held is gone when it ends. Sagas that run go on by their deadlines: their commands are sent again from
their events, with the same ids, and participants give their first answers again. Records that should start sagas and were not read yet
are lost. A real Kafka (`--real-kafka`) keeps its log in the data directory.
"""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from saga.config import Settings
from saga.embedded.broker import EmbeddedBroker
from saga.embedded.home import Home
from saga.embedded.kafka import EmbeddedKafka, free_ports, is_free
from saga.embedded.loading import Loaded, load_apart
from saga.embedded.permission import refuse_in_production
from saga.embedded.postgres import EmbeddedPostgres
from saga.embedded.reloading import Reloading, Steps, Version
from saga.embedded.team import PARTITIONS, Place, Team
from saga.embedded.watching import Seen, look, roots_of
from saga.errors import ConfigurationError, Fault, Unavailable
from saga.store.migrate import migrate
from saga.store.postgres import PostgresStore
from saga.transport.topics import create_topics

LOOK_EVERY = 0.3


@dataclass(frozen=True, slots=True)
class DevOptions:
    """`definitions` and `services` are modules. `fresh`: forget what the data directory holds. `http_port` 0: any that is free."""

    definitions: Sequence[str]
    services: Sequence[str] = ()
    data: Path = Path(".saga-dev")
    http_port: int = 8080
    real_kafka: bool = False
    fresh: bool = False
    as_json: bool = False


def run(options: DevOptions) -> int:
    """Run until Ctrl-C; then everything ends in order, and 0. Raises ConfigurationError and Unavailable for what cannot be started."""
    refuse_in_production()
    if not options.definitions:
        raise ConfigurationError("--definitions: name at least one module that holds definitions, as in shop.sagas")
    asyncio.run(_Dev(options).run())
    return 0


class _Dev:
    """One run, from the lock to the last child's end."""

    def __init__(self, options: DevOptions) -> None:
        self._options = options
        self._stopping = asyncio.Event()
        self._broker: EmbeddedBroker | None = None

    async def run(self) -> None:
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self._stopping.set)
        async with contextlib.AsyncExitStack() as stack:
            home = stack.enter_context(Home(self._options.data))
            if self._options.fresh:
                home.clear()
            place = await self._servers(stack, home)
            store = await PostgresStore.connect(Settings(postgres_dsn=place.coordinator_dsn, postgres_role=""))
            stack.push_async_callback(store.close)
            team = Team(place, self._options.definitions, self._options.services, home.log)
            stack.push_async_callback(team.stop)
            await self._greet(place, home, store)
            await self._watch(team, store)
            self._say("ending", "ending: the coordinator drains, then the servers stop")

    async def _servers(self, stack: contextlib.AsyncExitStack, home: Home) -> Place:
        port = self._options.http_port or home.port("http") or free_ports(1)[0]
        if not is_free(port):
            raise ConfigurationError(f"--port: somebody listens on {port} already; choose another, 0 for any that is free")
        postgres = EmbeddedPostgres(home.postgres, port=home.port("postgres"))
        await asyncio.to_thread(postgres.start)
        stack.callback(postgres.stop)
        for database in ("coordinator", "services"):
            await postgres.create_database(database)
        await migrate(postgres.dsn("coordinator"))
        bootstrap = await self._start_kafka(stack, home)
        for name, one in (("http", port), ("postgres", postgres.port), ("kafka", int(bootstrap.rpartition(":")[2]))):
            home.keep_port(name, one)
        return Place(postgres.dsn("coordinator"), postgres.dsn("services"), bootstrap, port, self._options.real_kafka)

    async def _start_kafka(self, stack: contextlib.AsyncExitStack, home: Home) -> str:
        if self._options.real_kafka:
            kafka = EmbeddedKafka(directory=home.kafka, port=home.port("kafka"))
            await asyncio.to_thread(kafka.start)
            stack.callback(kafka.stop)
            return kafka.bootstrap
        self._broker = EmbeddedBroker()
        await asyncio.to_thread(self._broker.start)
        stack.callback(self._broker.stop)
        return self._broker.bootstrap

    async def _greet(self, place: Place, home: Home, store: PostgresStore) -> None:
        """Say what runs where, and what a restart has cost."""
        running = sum((await store.figures())["open"].values())
        file = home.write_environment(place.environment())
        kept = "kept in the data directory" if place.real_kafka else "in this process's memory, gone when it ends"
        self._say("servers", f"Postgres is kept in {home.directory}; Kafka is {kept}", data=str(home.directory), open_sagas=running)
        if running and not place.real_kafka:
            self._say(
                "continuing",
                f"{running} saga(s) go on by their deadlines: their commands are sent again. Starts that nobody had read are lost.",
                open_sagas=running,
            )
        kafka = place.bootstrap
        self._say("place", f"REST {place.url}   Kafka {kafka}   other terminals: set -a; . {file}; set +a", url=place.url, kafka=kafka)

    async def _watch(self, team: Team, store: PostgresStore) -> None:
        modules = (*self._options.definitions, *self._options.services)

        async def published() -> Mapping[Version, str]:
            return {(row.name, row.version): row.hash for row in await store.definitions()}

        async def replace(loaded: Loaded) -> None:
            try:
                await self._make_topics(team.place, loaded)
                await team.replace()
            except Unavailable as error:
                self._say("not-started", f"{error}\nmend it and save: everything is started again", fault=str(error))
                return
            self._tell_started(team.place, loaded)

        def look_around(files: Sequence[str]) -> Seen:
            return look(roots_of(modules, Path.cwd()), files)

        reloading = Reloading(Steps(look_around, lambda: load_apart(self._options.definitions), published, replace, self._tell))
        while not self._stopping.is_set():
            turn = asyncio.create_task(reloading.turn())
            stop = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({turn, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if not turn.done():
                turn.cancel()
                await asyncio.wait({turn})
                return
            turn.result()
            for name, words in await team.revive():
                self._say("died", f"{name} ended by itself and is started again; its last words:\n{words}", child=name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._stopping.wait()

    async def _make_topics(self, place: Place, loaded: Loaded) -> None:
        if self._broker is None:
            await create_topics(place.bootstrap, loaded.topics, PARTITIONS)
            return
        for topic in loaded.topics:
            self._broker.create_topic(topic, PARTITIONS)

    def _tell(self, files: Sequence[str], faults: Sequence[Fault], running: bool) -> None:
        """What a change came to."""
        changed = f"{Path(files[0]).name} changed: " if files else ""
        if not faults:
            self._say("loading", f"{changed}starting the coordinator and {len(self._options.services)} service(s)", files=list(files))
            return
        kept = "what ran goes on" if running else "nothing is started yet"
        lines = "\n".join(f"  {fault}" for fault in faults)
        self._say("faults", f"{changed}{len(faults)} fault(s); {kept}. Mend and save:\n{lines}", faults=[str(fault) for fault in faults])

    def _tell_started(self, place: Place, loaded: Loaded) -> None:
        for one in loaded.definitions:
            self._say("ready", f"{one.name} version {one.version} is ready; start one, from here or by HTTP:", definition=one.name)
            self._say(None, f"  SAGA_URL={place.url} saga start {one.name} --wait 10 --body '{one.example}'")
            self._say(
                None,
                f"  curl {place.url}/v1/definitions/{one.name}/sagas -H 'Content-Type: application/json' -H 'Idempotency-Key: 1' "
                f"-d '{one.example}'",
            )

    def _say(self, event: str | None, text: str, **facts: object) -> None:
        """A line for people; an object for machines, without those that only explain."""
        if self._options.as_json and event is None:
            return
        line = json.dumps({"event": event, **facts}) if self._options.as_json else text
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
