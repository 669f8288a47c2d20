"""What runs in the processes that die: a replica without its REST door, a participant, or one rebuild. Only imported woven.

The rung speaks to each over a socket: it arms a point, asks for counts, starts a saga or acts on one at the desk. Spans are shortened,
so that what takes ten seconds in production takes one here; the order of things is the same:

    group session 1.5 s (10), idle transaction 0.6 s (5), lock 0.3 s (2), send 0.8 s (10), claim of the sender 0.5 s (10), of work 1 s (15)
    a consumer without progress 4 s (30)
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from saga.bootstrap import build, pace_of
from saga.config import Settings, load_settings
from saga.definition.registry import Registry
from saga.errors import SagaError
from saga.observability.telemetry import Telemetry
from saga.rotating import kafka_options
from saga.runtime.operating import Desk
from saga.runtime.operations import ActRequest
from saga.runtime.replay import replay
from saga.sdk import intake
from saga.sdk.barrier import database, outbox
from saga.sdk.serve import kafka_service
from saga.sdk.service import Parts
from saga.sdk.settings import load_settings as load_service_settings
from saga.store.pool import Limits
from saga.store.postgres import PostgresStore
from saga.transport.consumer import KafkaConsumer
from saga.transport.producer import KafkaProducer
from tests.crash.points import POINTS
from tests.crash.wire_cut import CuttingLoop

LIMITS = Limits(connect=2.0, statement=2.0, statement_at_server=1.5, lock=0.3, idle_in_transaction=0.6, commit=2.0, rollback=0.5, close=1.0)
SESSION_TIMEOUT = 1.5
COORDINATOR = {
    "claim_for": 0.5,
    "claim_backoff": 0.7,
    "heartbeat_every": 0.5,
    "relay_every": 0.25,
    "tick_every": 0.15,
    "send_timeout": 0.8,
    "connect_timeout": 2.0,
    "stuck_after": 4.0,
    "drain_timeout": 2.0,
    "session_timeout": SESSION_TIMEOUT,
    "pool_engine": 4,
    "pool_api": 3,
}
PARTICIPANT = {"sweep_every": 0.25, "poll_timeout": 0.2, "session_timeout": SESSION_TIMEOUT, "drain_timeout": 1.0, "work_claim": 1.0}
HARNESS = "harness"


class Line:
    """The socket to the rung. What is said is sent before the next instruction runs: the process may be about to die."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(asked["rung"])
        self._rest = b""
        self.say(name=asked["name"])

    def say(self, **what: Any) -> None:
        self._socket.sendall(json.dumps(what).encode() + b"\n")

    def listen(self, heard: Callable[[dict[str, Any]], None]) -> None:
        """Hear from now on; without the rung the process ends at once."""

        def read() -> None:
            data = self._socket.recv(65_536)
            if not data:
                os._exit(1)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                heard(json.loads(line))

        asyncio.get_running_loop().add_reader(self._socket.fileno(), read)


class Subject:
    """One process under test: what the rung may ask of it."""

    def __init__(self, asked: dict[str, Any], line: Line) -> None:
        self.asked = asked
        self.line = line
        self.stop: Callable[[], None] = lambda: None
        self.desk: Desk | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def heard(self, what: dict[str, Any]) -> None:
        match what["do"]:
            case "arm":
                POINTS.arm(what["place"], what["mode"], what["arrival"], what["number"])
            case "disarm":
                POINTS.disarm()
                self.line.say(disarmed=True, of=what["of"])
            case "record":
                POINTS.begin()
            case "counts":
                self.line.say(counts=POINTS.recorded())
            case "stop":
                self.stop()
            case "act":
                task = asyncio.create_task(self._act(what), name="act")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _act(self, what: dict[str, Any]) -> None:
        try:
            self.line.say(acted=await self._done(what), of=what["of"])
        except (SagaError, LookupError) as error:
            self.line.say(failed=f"{type(error).__name__}: {error}", of=what["of"])

    async def _done(self, what: dict[str, Any]) -> str:
        assert self.desk is not None
        if what["act"] == "start":
            return str((await self.desk.start("default", what["definition"], what["body"], what["of"])).saga_id)
        act = ActRequest(UUID(what["saga"]), "ann", "she wishes so", what["of"])
        return (await getattr(self.desk, what["act"])("default", act)).status


async def coordinator(subject: Subject) -> None:
    """A replica as `saga serve` builds it, without HTTP."""
    settings = _settings(subject.asked)
    registry = Registry()
    registry.load("tests.crash.shop")
    telemetry = Telemetry.start("crash", level="warning")
    store = await PostgresStore.connect(settings, LIMITS)
    producer = KafkaProducer(kafka_options(settings, telemetry))
    made = build(settings, store, producer, registry, telemetry)
    subject.desk, subject.stop = made.desk, made.supervisor.stop
    pace = replace(pace_of(settings), held_every=0.5, poll_for=0.2)
    running = asyncio.create_task(
        made.supervisor.run(lambda topics, revoked: KafkaConsumer(producer.options, topics, revoked), pace), name="start"
    )

    async def ready() -> bool:
        return not made.supervisor.faults()

    try:
        await _tell_ready(subject, ready, running)
        await running
    finally:
        await producer.stop()
        await store.close()


async def participant(subject: Subject) -> None:
    """A participant as a service runs it, without HTTP."""
    from tests.crash import shop

    database.SESSION.update(lock_timeout="300", idle_in_transaction_session_timeout="600", statement_timeout="1500")
    outbox.CLAIM_SECONDS = 0.5
    intake.STUCK_AFTER = 4.0
    asked = subject.asked
    settings = load_service_settings(
        postgres_dsn=asked["participant_dsn"],
        kafka_bootstrap=asked["kafka"],
        group_id=f"{asked['lane']}-participant",
        instance_id=asked["instance"],
        faults=shop.PLAN,
        **PARTICIPANT,
    )
    service = kafka_service(Parts(shop.participant, [shop.SCRIPT]), settings)
    subject.stop = service.stop
    running = asyncio.create_task(service.run())

    async def ready() -> bool:
        return not await service.faults()

    await _tell_ready(subject, ready, running)
    await running


async def rebuild(subject: Subject) -> None:
    """One rebuild of the projection, as `saga replay` does it."""
    store = await PostgresStore.connect(_settings(subject.asked), LIMITS)
    try:
        report = await asyncio.create_task(replay(store, check=False), name="replay")
        subject.line.say(rebuilt=report.written, clean=not report.unreadable)
    finally:
        await store.close()


def _settings(asked: dict[str, Any]) -> Settings:
    return load_settings(
        postgres_dsn=asked["coordinator_dsn"],
        kafka_bootstrap=asked["kafka"],
        group_id=f"{asked['lane']}-coordinator",
        instance_id=asked["instance"],
        lifecycle_topic=f"{asked['lane']}.lifecycle",
        **COORDINATOR,
    )


async def _tell_ready(subject: Subject, ready: Callable[[], Any], running: "asyncio.Task[None]") -> None:
    while not running.done():
        if await ready():
            subject.line.say(ready=True)
            return
        await asyncio.sleep(0.02)


KINDS = {"coordinator": coordinator, "participant": participant, "replay": rebuild}


def _tell_stacks() -> None:
    """Where each task stands: for the log of a case that does not come to rest."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def run(asked: dict[str, Any]) -> int:
    """The life of one process."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=f"%(asctime)s {asked['name']} %(message)s")
    line = Line(asked)
    subject = Subject(asked, line)
    POINTS.tell = lambda number: line.say(fired=number)
    if asked.get("record"):
        POINTS.begin()
    if arm := asked.get("arm"):
        POINTS.arm(arm["place"], arm["mode"], arm["arrival"])

    async def live() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name(HARNESS)
        line.listen(subject.heard)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: subject.stop())
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _tell_stacks)
        await KINDS[asked["kind"]](subject)
        if asked.get("record"):
            line.say(counts=POINTS.recorded())

    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=CuttingLoop) as runner:
        runner.run(live())
    return 0
