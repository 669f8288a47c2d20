"""`saga topics` and `saga doctor` on real servers."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest
from compose import free_port

from saga.config import Settings
from saga.embedded.broker import EmbeddedBroker
from saga.embedded.kafka import EmbeddedKafka
from saga.errors import Unavailable
from saga.examining import apply_topics, check_topics, examine
from saga.ports.deployment import TopicWish
from saga.store.inspection import inspect
from saga.transport.admin import KafkaAdmin
from saga.transport.options import KafkaOptions

pytestmark = [pytest.mark.integration]

FULFILMENT = ("services.order.fulfilment",)
PLAIN = {"cleanup.policy": "delete", "min.insync.replicas": "1", "retention.ms": "3600000"}


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    """A cluster of its own: here topics have the names that definitions give them."""
    with EmbeddedKafka() as running:
        yield running.bootstrap


def run(*arguments: str, **more: str) -> tuple[int, Any, str]:
    """The command as a process: exit code, the JSON it printed, and its errors."""
    env = {**os.environ, "SAGA_DEFINITIONS": FULFILMENT[0], **more}
    done = subprocess.run([sys.executable, "-m", "saga", *arguments, "--json"], capture_output=True, text=True, env=env, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


@asynccontextmanager
async def admin(bootstrap: str) -> Any:
    async with KafkaAdmin.open(KafkaOptions(bootstrap)) as opened:
        yield opened


async def topic(opened: KafkaAdmin, wish: TopicWish) -> None:
    """Make it and wait until the broker shows it."""
    await opened.create(wish)
    async with asyncio.timeout(10):
        while wish.name not in (await opened.look([wish.name])).topics:  # noqa: ASYNC110 - brokers have no event
            await asyncio.sleep(0.05)


async def test_topics_are_made_then_extended_and_a_second_time_nothing_is_left_to_do(kafka: str) -> None:
    settings = Settings(kafka_bootstrap=kafka, definitions=FULFILMENT, topic_partitions=2)
    assert {finding.level for finding in await check_topics(settings)} == {"fault"}
    planned, _ = await apply_topics(settings, dry_run=True)
    assert {finding.level for finding in await check_topics(settings)} == {"fault"}, "a dry run makes nothing"
    done, left = await apply_topics(settings, dry_run=False)
    assert (list(done), len(done), left) == (list(planned), 9, ())
    assert {finding.level for finding in await check_topics(settings)} == {"ok"}
    assert (await apply_topics(settings, dry_run=False))[0] == []
    more, left = await apply_topics(settings.model_copy(update={"topic_partitions": 5, "topic_retention_hours": 300}), dry_run=False)
    assert {(one.create, one.partitions, *one.settings) for one in more} == {(False, 5, "retention.ms")}
    fewer, _ = await apply_topics(settings, dry_run=False)
    assert (fewer, left) == ([], ()), "nothing shrinks"


async def test_a_setting_is_raised_and_what_somebody_else_had_set_stays(kafka: str) -> None:
    async with admin(kafka) as opened:
        await topic(opened, TopicWish("kept", 1, 1, {**PLAIN, "cleanup.policy": "compact", "max.message.bytes": "54321"}))
        await opened.configure("kept", {"cleanup.policy": "delete"})
        settings = (await opened.look(["kept"])).topics["kept"].settings
    assert (settings["cleanup.policy"], settings["max.message.bytes"], settings["retention.ms"]) == ("delete", "54321", "3600000")


async def test_a_topic_that_cannot_be_made_says_why(kafka: str) -> None:
    async with admin(kafka) as opened:
        with pytest.raises(Unavailable, match=r"only 1 broker\(s\) are registered"):
            await opened.create(TopicWish("too-many", 1, 3, PLAIN))
        await topic(opened, TopicWish("twice", 1, 1, PLAIN))
        assert not await opened.create(TopicWish("twice", 1, 1, PLAIN))


async def test_the_embedded_broker_is_checked_as_far_as_it_can_be_asked() -> None:
    with EmbeddedBroker() as broker:
        settings = Settings(kafka_bootstrap=broker.bootstrap, definitions=FULFILMENT)
        assert {finding.what for finding in await check_topics(settings)} == {"does not exist"}
        code, _, said = await asyncio.to_thread(run, "topics", "apply", SAGA_KAFKA_BOOTSTRAP=broker.bootstrap)
        assert (code, "makes topics only by itself" in said) == (3, True)
        for change in (await apply_topics(settings, dry_run=True))[0]:
            broker.create_topic(change.name, 12)
        assert {finding.level for finding in await check_topics(settings)} == {"ok"}


async def test_the_doctor_finds_a_healthy_deployment_healthy_and_says_what_production_lacks(kafka: str, migrated_dsn: str) -> None:
    settings = Settings(kafka_bootstrap=kafka, postgres_dsn=migrated_dsn, postgres_role="saga_service", definitions=FULFILMENT)
    await apply_topics(settings, dry_run=False)
    found = {(one.subject, one.level) for one in await examine(settings)}
    assert {("schema", "ok"), ("privileges", "ok"), ("clock", "ok"), ("replicas", "warning"), ("topic order.events", "ok")} <= found
    env = {"SAGA_KAFKA_BOOTSTRAP": kafka, "SAGA_POSTGRES_DSN": migrated_dsn, "SAGA_ENV": "production"}
    code, document, _ = await asyncio.to_thread(run, "doctor", **env)
    faults = " ".join(one["what"] for one in document["findings"] if one["level"] == "fault")
    assert (code, document["ok"]) == (1, False)
    for words in ("embedded server", "fsync is off", "superuser", "1 broker(s), 3 copies", "replication factor 1, 3 wanted"):
        assert words in faults


async def test_the_doctor_says_which_server_is_away(postgres_dsn: str) -> None:
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    env = {"SAGA_KAFKA_BOOTSTRAP": "127.0.0.1:1", "SAGA_CONNECT_TIMEOUT": "1"}
    code, document, _ = await asyncio.to_thread(run, "doctor", SAGA_POSTGRES_DSN=away, **env)
    assert code == 1
    assert {one["subject"] for one in document["findings"] if one["level"] == "fault"} == {"postgres", "kafka"}
    _, document, _ = await asyncio.to_thread(run, "doctor", SAGA_POSTGRES_DSN=postgres_dsn, **env)
    assert "saga migrate" in json.dumps([one for one in document["findings"] if one["subject"] == "schema"])


async def test_the_service_role_can_add_to_history_and_its_owner_could_change_it(migrated_dsn: str) -> None:
    as_service = await inspect(Settings(postgres_dsn=migrated_dsn, postgres_role="saga_service"))
    assert (as_service.login, as_service.superuser) == ("saga_service", False)
    assert not as_service.may["update saga_event"]
    assert as_service.may["insert saga_event"]
    connection = await asyncpg.connect(migrated_dsn)
    await connection.execute(
        "insert into saga.replica (replica, seen_at, names, versions) values (gen_random_uuid(), now(), '{a,a}', '{1,2}')"
    )
    await connection.close()
    as_owner = await inspect(Settings(postgres_dsn=migrated_dsn))
    assert as_owner.may["update saga_event"]
    assert [(one.release, one.definitions) for one in as_owner.replicas] == [("", {"a": frozenset({1, 2})})]


def serve(dsn: str, bootstrap: str, strict: str, **more: str) -> Any:
    """A replica as a process, begun."""
    env = {"SAGA_KAFKA_BOOTSTRAP": bootstrap, "SAGA_POSTGRES_DSN": dsn, "SAGA_TOPIC_PARTITIONS": "1", "SAGA_DEFINITIONS": FULFILMENT[0]}
    env |= {"SAGA_HTTP_PORT": "0", "SAGA_INSECURE_DEV": "true", "SAGA_STRICT_TOPICS": strict, **more}
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    return asyncio.create_subprocess_exec(sys.executable, "-m", "saga", "serve", env={**os.environ, **env}, **pipes)


async def test_a_strict_replica_without_kafka_is_not_ready_and_people_may_look(migrated_dsn: str) -> None:  # K14
    port = free_port()
    process = await serve(migrated_dsn, "127.0.0.1:1", "on", SAGA_HTTP_PORT=str(port))
    looked = None
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as client, asyncio.timeout(40):
        while looked is None or looked.status_code != httpx2.codes.OK:
            with contextlib.suppress(httpx2.TransportError):
                looked = await client.get("/v1/sagas")
        answer = await client.get("/readyz")
    process.terminate()
    await process.communicate()
    assert (answer.status_code, answer.json()["faults"]["kafka"]) == (503, "its topics have not been checked yet")
    assert process.returncode == 0


@pytest.mark.parametrize(("strict", "code"), [("on", 2), ("off", None)])
async def test_a_replica_with_compacted_topics_refuses_to_start_where_that_is_strict(
    migrated_dsn: str, strict: str, code: int | None
) -> None:  # K14
    with EmbeddedKafka() as own:
        await apply_topics(Settings(kafka_bootstrap=own.bootstrap, definitions=FULFILMENT, topic_partitions=1), dry_run=False)
        async with admin(own.bootstrap) as opened:
            await opened.configure("payment.events", {"cleanup.policy": "compact"})
        process = await serve(migrated_dsn, own.bootstrap, strict)
        said = ""
        assert process.stdout is not None
        async with asyncio.timeout(40):
            while "cleanup.policy is compact" not in said:
                line = await process.stdout.readline()
                assert line, f"it ended: {said}"
                said += line.decode()
            if code is None:
                process.terminate()
            rest, _ = await process.communicate()
    assert process.returncode == (code or 0), said + rest.decode()
    assert "topic payment.events" in said
