"""A participant over a broker: commands in, answers out, offsets after commits, instances side by side, servers that are away."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from saga.embedded.broker import EmbeddedBroker
from saga.embedded.postgres import EmbeddedPostgres
from saga.errors import Unavailable
from saga.ports.messaging import InboundRecord
from saga.sdk.barrier.gate import Gate
from saga.sdk.faults import FaultPlan
from saga.sdk.intake import Intake
from saga.sdk.serve import kafka_service
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings, load_settings
from saga.sdk.testing import Ask, Bench
from tests.integration.participants import SCRIPT, BookRoom, CancelRoom, CleanRoom, Coordinator, Hotel, effects, eventually, hotel

pytestmark = pytest.mark.integration


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        for topic in ("hotel.commands", "hotel.events"):
            broker.create_topic(topic, 3)
        yield broker


@pytest.fixture
def settings(broker: EmbeddedBroker, postgres_dsn: str) -> ServiceSettings:
    return load_settings(postgres_dsn=postgres_dsn, kafka_bootstrap=broker.bootstrap, poll_timeout=0.1, sweep_every=0.1, session_timeout=2)


@asynccontextmanager
async def running(house: Hotel, settings: ServiceSettings) -> AsyncIterator[Service]:
    service = kafka_service(Parts(house.participant, [SCRIPT]), settings)
    task = asyncio.create_task(service.run())
    try:
        yield service
    finally:
        service.stop()
        async with asyncio.timeout(10):
            await task


@pytest.fixture
async def bench(postgres_dsn: str) -> AsyncIterator[Bench]:
    async with Bench(hotel().participant, postgres_dsn, scripts=[SCRIPT]) as bench:
        yield bench


@pytest.fixture
async def coordinator(settings: ServiceSettings, bench: Bench) -> AsyncIterator[Coordinator]:
    coordinator = Coordinator(settings.kafka_bootstrap, bench)
    await coordinator.start()
    yield coordinator
    await coordinator.stop()


def asks(bench: Bench, count: int) -> list[Ask]:
    made = [bench.ask(BookRoom(guest=f"g{n}"), id=f"do-{n}") for n in range(count)]
    for n, ask in enumerate(made):
        ask.key = f"key-{n % 5}".encode()
    return made


async def test_commands_are_answered_over_kafka_with_their_key(settings: ServiceSettings, bench: Bench, coordinator: Coordinator) -> None:
    async with running(hotel(), settings) as service:
        await coordinator.send(*asks(bench, 20))
        await coordinator.hear(20)
        await coordinator.send(bench.ask(CancelRoom(), undoes="do-3"))
        said = await coordinator.hear(21)
        assert await service.faults() == {}

    assert {each.headers["ce_causationid"]: each.record.key for each in said}["do-7"] == b"key-2"
    assert {each.outcome for each in said} == {"succeeded"}
    assert (await service_rows(bench, "outbox"), await service_rows(bench, "effect")) == (0, 21)


async def service_rows(bench: Bench, table: str) -> int:
    async with bench.database.reading() as db:
        return int(await db.fetchval(f"select count(*) from {table}"))


async def test_restart_begins_after_what_was_committed(settings: ServiceSettings, bench: Bench, coordinator: Coordinator) -> None:  # I11
    async with running(hotel(), settings):
        await coordinator.send(*asks(bench, 10))
        await coordinator.hear(10)
    async with running(hotel(), settings):
        await coordinator.send(bench.ask(BookRoom(guest="last"), id="last"))
        await coordinator.hear(11)

    async with bench.database.reading() as db:
        assert await db.fetchval("select max(seen) from barrier") == 1


async def test_two_instances_that_get_the_same_commands_have_one_effect(
    settings: ServiceSettings, bench: Bench, coordinator: Coordinator
) -> None:  # K1 K4
    zombie = settings.model_copy(update={"group_id": "another"})
    async with running(hotel(), settings), running(hotel(), zombie):
        await coordinator.send(*asks(bench, 40))
        await coordinator.send(*asks(bench, 40))
        said = await coordinator.hear(160)

    assert len({each.headers["ce_id"] for each in said}) == 40
    assert await service_rows(bench, "effect") == 40


async def test_poison_does_not_stop_a_partition(settings: ServiceSettings, bench: Bench, coordinator: Coordinator) -> None:  # K11
    poison = Ask("", b"\xff", headers={"ce_specversion": None})
    async with running(hotel(), settings):
        await coordinator.send(poison, bench.ask(BookRoom(guest="ann")), poison, bench.ask(BookRoom(guest="bob")))
        await coordinator.hear(2)

    assert await service_rows(bench, "set_aside") == 2


async def test_faults_on_purpose_do_not_change_effects(settings: ServiceSettings, bench: Bench, coordinator: Coordinator) -> None:
    plan = FaultPlan.model_validate_json('{"seed": 3, "duplicate": 0.5, "lose": [{"type": "Booked", "share": 0.5, "attempts": 1}]}')
    async with running(hotel(), settings.model_copy(update={"faults": plan})):
        await coordinator.send(*asks(bench, 30))
        for ask in asks(bench, 30):
            ask.headers["ce_attempt"] = "2"
            await coordinator.send(ask)
        async with asyncio.timeout(20):
            while len({said.headers["ce_causationid"] for said in coordinator.replies() if said.headers["ce_attempt"] == "2"}) < 30:
                await coordinator.hear(len(coordinator.replies()) + 1)

    assert len({said.headers["ce_id"] for said in coordinator.replies()}) == 30
    assert await service_rows(bench, "effect") == 30


async def test_long_work_runs_beside_the_commands(settings: ServiceSettings, bench: Bench, coordinator: Coordinator) -> None:
    house = hotel()
    async with running(house, settings):
        await coordinator.send(bench.ask(CleanRoom(guest="ann"), id="do", answerwithinms="600"))
        await coordinator.hear(3)
        house.may_finish.set()
        async with asyncio.timeout(20):
            while coordinator.replies()[-1].outcome == "in-progress":
                await coordinator.hear(len(coordinator.replies()) + 1)

    assert coordinator.replies()[-1].outcome == "succeeded"
    assert await effects(bench) == ["cleaned"]


async def test_service_waits_for_a_broker_and_says_so(settings: ServiceSettings, broker: EmbeddedBroker, bench: Bench) -> None:
    broker.set_down()
    async with running(hotel(), settings) as service:

        async def only_kafka_is_away() -> bool:
            return set(await service.faults()) == {"kafka"}

        async def ready() -> bool:
            return not await service.faults()

        await eventually(only_kafka_is_away)
        broker.set_up()
        await eventually(ready)


async def test_service_waits_for_postgres_in_single_lines_and_still_ends(
    settings: ServiceSettings, caplog: pytest.LogCaptureFixture
) -> None:
    away = settings.model_copy(update={"postgres_dsn": SecretStr("postgresql://nobody:secret@127.0.0.1:1/none")})
    async with running(hotel(), away) as service:
        await eventually(lambda: asyncio.sleep(0, len(caplog.records) > 1))
        assert set(await service.faults()) == {"postgres", "kafka"}

    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert all(record.exc_info is None and "secret" not in record.getMessage() for record in caplog.records)


async def test_commands_are_answered_after_postgres_has_cut_every_connection(
    settings: ServiceSettings, bench: Bench, coordinator: Coordinator
) -> None:  # P12
    async with running(hotel(), settings):
        await coordinator.send(*asks(bench, 10))
        await coordinator.hear(5)
        async with bench.database.transaction() as db:
            await db.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null")
        await coordinator.send(bench.ask(BookRoom(guest="last"), id="last"))
        await eventually_hears(coordinator, {f"do-{n}" for n in range(10)} | {"last"})

    assert await service_rows(bench, "effect") == 11


async def eventually_hears(coordinator: Coordinator, ids: set[str]) -> None:
    async with asyncio.timeout(20):
        while not ids <= {said.headers["ce_causationid"] for said in coordinator.replies()}:
            await coordinator.hear(len(coordinator.replies()) + 1)


class Away(Gate):
    """A gate whose database is away at first."""

    def __init__(self) -> None:
        self.handled: list[int] = []
        self.set_apart: list[str] = []
        self.failures = 2
        self.error: Exception = Unavailable("postgres", "away")

    async def handle(self, record: InboundRecord) -> None:
        if record.offset == 1 and self.failures:
            self.failures -= 1
            raise self.error
        self.handled.append(record.offset)

    async def set_aside(self, record: InboundRecord, unusable: Exception) -> None:
        self.set_apart.append(f"{record.offset} {unusable}")


def records(count: int) -> list[InboundRecord]:
    return [InboundRecord("hotel.commands", 0, offset, b"k", b"{}", ()) for offset in range(count)]


async def test_record_is_tried_again_while_postgres_is_away_and_later_ones_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saga.sdk.intake.FIRST_PAUSE", 0.001)
    gate = Away()
    await Intake(gate, batch_records=10, side_by_side=4, poll_timeout=0.1).handle(records(3))

    assert (gate.handled, gate.set_apart) == ([0, 1, 2], [])


async def test_record_that_fails_in_an_unknown_way_is_set_aside_after_a_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:  # K11
    monkeypatch.setattr("saga.sdk.intake.FIRST_PAUSE", 0.001)
    gate = Away()
    gate.failures, gate.error = 1_000, ZeroDivisionError()
    await Intake(gate, batch_records=10, side_by_side=4, poll_timeout=0.1).handle(records(3))

    assert (gate.handled, [each.split()[0] for each in gate.set_apart]) == ([0, 2], ["1"])


async def test_process_answers_ends_on_sigterm_and_waits_for_servers(
    settings: ServiceSettings, postgres_server: EmbeddedPostgres, postgres_dsn: str
) -> None:
    environment = {"SERVICE_POSTGRES_DSN": postgres_dsn, "SERVICE_KAFKA_BOOTSTRAP": settings.kafka_bootstrap, "PATH": ""}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.shipping", env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b"takes commands" not in (line := await process.stderr.readline()):
            assert line, "it ended before it took commands"
        process.send_signal(signal.SIGTERM)
        rest = await process.stderr.read()
        assert await process.wait() == 0
    assert b"Traceback" not in rest
