"""Judging a deployment: topics, the cluster and its group, the database, settings."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from saga.config import Settings
from saga.definition.registry import Registry
from saga.deployment import database, fit, kafka, topics
from saga.deployment.finding import Finding, Level
from saga.deployment.starting import check_at_start, is_strict, look_at
from saga.errors import ConfigurationError, Unavailable
from saga.ports.deployment import NEEDED, NEVER_NEEDED, DatabaseFacts, GroupSeen, KafkaFacts, ReplicaSeen, TopicSeen, TopicWish

PRODUCTION = Settings(env="production", http_host="0.0.0.0", instance_id="one", postgres_sslmode="verify-full")
WISH = TopicWish("pay.events", 12, 3, {"cleanup.policy": "delete", "min.insync.replicas": "2", "retention.ms": "3600000"})
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = DatabaseFacts(
    version=180_006,
    login="coordinator",
    superuser=False,
    cluster="",
    settings={"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"},
    connections=100,
    clock=NOW,
    asked_at=NOW,
    round_trip=0.001,
    may={**dict.fromkeys(NEEDED, True), **dict.fromkeys(NEVER_NEEDED, False)},
    replicas=(ReplicaSeen("a", 1.0, "1.0", {"order": frozenset({1})}),),
)


def seen(**changed: object) -> TopicSeen:
    """A topic that is as WISH wants it, but for this."""
    good = TopicSeen("pay.events", 12, 3, dict(WISH.settings))
    return replace(good, **changed)  # type: ignore[arg-type]


def cluster(*found: TopicSeen, **more: Any) -> KafkaFacts:
    return KafkaFacts(**{"cluster": "abc", "brokers": 3, "group": None, "topics": {one.name: one for one in found}, **more})


def levels(findings: Collection[Finding]) -> list[str]:
    return sorted(one.level for one in findings if one.level is not Level.OK)


def bad(findings: Collection[Finding]) -> str:
    return "\n".join(str(one) for one in findings if one.level is not Level.OK)


def test_a_definition_needs_commands_and_events_of_whoever_is_asked_and_the_life_of_sagas() -> None:
    registry = Registry()
    registry.load("services.order.fulfilment")
    pairs = [f"{name}.{kind}" for name in ("inventory", "order", "payment", "shipping") for kind in ("commands", "events")]
    assert topics.needed(registry.all(), "saga.lifecycle") == tuple(sorted([*pairs, "saga.lifecycle"]))
    assert topics.needed(registry.all(), "") == tuple(sorted(pairs))


def test_topics_have_three_copies_in_production_and_one_elsewhere_unless_settings_say_otherwise() -> None:
    assert topics.copies(PRODUCTION) == (3, 2)
    assert topics.copies(Settings()) == (1, 1)
    assert topics.copies(Settings(env="production", topic_replication=5, topic_min_insync=3)) == (5, 3)


@pytest.mark.parametrize(
    ("topic", "level", "words"),
    [
        (seen(replication=1, settings={**WISH.settings, "min.insync.replicas": "1"}), "fault", "replication factor 1, 3 wanted"),
        (seen(settings={**WISH.settings, "cleanup.policy": "compact,delete"}), "fault", "compact,delete"),
        (seen(settings={**WISH.settings, "min.insync.replicas": "1"}), "fault", "min.insync.replicas is 1, 2 wanted"),
        (seen(settings={**WISH.settings, "min.insync.replicas": "3"}), "fault", "one broker away stops every write"),
        (seen(settings={**WISH.settings, "retention.ms": "1800000"}), "warning", "0.5 h, 1 h wanted"),
        (seen(partitions=6), "warning", "6 partitions, 12 wanted"),
    ],
)
def test_a_topic_that_is_not_as_it_should_be_is_a_finding(topic: TopicSeen, level: str, words: str) -> None:  # K14
    findings = topics.judge([WISH], cluster(topic))
    assert level in levels(findings)
    assert words in bad(findings)


def test_a_missing_topic_is_a_fault_and_a_good_one_or_one_that_cannot_be_asked_is_none() -> None:  # K14
    assert levels(topics.judge([WISH], cluster())) == ["fault"]
    kept_for_ever = {**WISH.settings, "retention.ms": "-1"}
    for topic in (seen(), seen(settings=None), seen(settings=kept_for_ever), seen(partitions=24)):
        assert levels(topics.judge([WISH], cluster(topic))) == []


def test_unequal_partition_counts_of_topics_that_the_coordinator_reads_are_a_warning() -> None:  # K14
    wanted = [WISH, replace(WISH, name="order.events"), replace(WISH, name="order.commands")]
    commands = replace(seen(), name="order.commands", partitions=36)
    assert levels(topics.judge(wanted, cluster(seen(), replace(seen(), name="order.events"), commands))) == []
    findings = topics.judge(wanted, cluster(seen(), replace(seen(), name="order.events", partitions=24), commands))
    assert levels(findings) == ["warning"]
    assert "unequal" in bad(findings)


def test_changes_only_ever_add() -> None:
    assert topics.changes([WISH], cluster()) == [topics.Change("pay.events", True, 12, WISH.settings)]
    more = {"cleanup.policy": "delete", "min.insync.replicas": "2", "retention.ms": "999999999"}
    assert topics.changes([WISH], cluster(seen(partitions=30, settings=more))) == []
    less = {"cleanup.policy": "compact", "min.insync.replicas": "1", "retention.ms": "5"}
    assert topics.changes([WISH], cluster(seen(partitions=3, settings=less))) == [topics.Change("pay.events", False, 12, WISH.settings)]
    assert topics.changes([WISH], cluster(seen(settings=None))) == []


def test_min_insync_is_not_raised_where_that_would_stop_every_write() -> None:
    alone = seen(replication=1, settings={**WISH.settings, "min.insync.replicas": "1"})
    assert topics.changes([WISH], cluster(alone)) == []
    assert "add replicas first" in bad(topics.judge([WISH], cluster(alone)))


def test_a_group_that_nobody_reads_in_while_replicas_live_is_a_fault() -> None:
    def group(state: str, members: int, alive: int) -> list[str]:
        return levels(kafka.judge(cluster(seen(), group=GroupSeen(state, members)), PRODUCTION, alive))

    assert group("Empty", 0, alive=2) == ["fault"]
    assert group("Stable", 1, alive=2) == ["warning"]
    assert group("Stable", 2, alive=2) == []
    assert group("Dead", 0, alive=0) == []
    assert group("Stable", 13, alive=13) == ["warning"]


def test_the_embedded_broker_and_too_few_brokers_are_faults_in_production() -> None:
    assert levels(kafka.judge(cluster(cluster="mockCluster12", brokers=1), PRODUCTION, 0)) == ["fault", "fault"]
    assert levels(kafka.judge(cluster(cluster="mockCluster12", brokers=1), Settings(), 0)) == []


def test_a_database_as_it_should_be_has_no_finding() -> None:
    assert bad(database.judge(GOOD, (), PRODUCTION)) == ""


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"superuser": True}, "superuser: history could be changed"),
        ({"may": {**GOOD.may, "update saga_event": True}}, "may update saga_event: history could be changed"),
        ({"may": {**GOOD.may, "insert saga_event": False}}, "may not insert saga_event"),
        ({"settings": {**GOOD.settings, "fsync": "off"}}, "fsync is off"),
        ({"settings": {**GOOD.settings, "full_page_writes": "off"}}, "full_page_writes is off"),
        ({"settings": {**GOOD.settings, "synchronous_commit": "off"}}, "synchronous_commit is off"),
        ({"clock": NOW + timedelta(seconds=90)}, "differ by 90"),
        ({"clock": NOW - timedelta(seconds=90)}, "differ by 90"),
        ({"version": 130_004}, "server version 13"),
        ({"cluster": "saga-embedded"}, "embedded server"),
        ({"schema_fault": "the schema lacks migration 0009_x"}, "lacks migration 0009_x"),
        ({"outbox": 4, "outbox_age": 300.0}, "4 commands wait, the oldest for 300 s"),
    ],
)
def test_what_is_wrong_with_a_database_is_a_fault_in_production(changed: Mapping[str, Any], words: str) -> None:
    findings = database.judge(replace(GOOD, **changed), (), PRODUCTION)
    assert "fault" in levels(findings)
    assert words in bad(findings)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"connections": 8}, "8 of 8 connections"),
        ({"held": 3}, "3 wait for a definition"),
        ({"dead": 2}, "2 wait for a person"),
        ({"replicas": ()}, "none lives"),
        ({"replicas": (replace(GOOD.replicas[0], silent_for=60.0),)}, "none lives"),
        ({"replicas": (*GOOD.replicas, ReplicaSeen("b", 1.0, "", {"order": frozenset({1})}))}, "of releases 1.0, an older release"),
        (
            {"replicas": (*GOOD.replicas, ReplicaSeen("b", 1.0, "1.0", {"order": frozenset({1, 2})}))},
            "replica a: has not loaded order version 2",
        ),
        ({"clock": NOW + timedelta(seconds=5)}, "differ by 5"),
    ],
)
def test_what_a_person_should_look_at_in_a_database_is_a_warning(changed: Mapping[str, Any], words: str) -> None:
    findings = database.judge(replace(GOOD, **changed), (), PRODUCTION)
    assert levels(findings) == ["warning"]
    assert words in bad(findings)


def test_a_definition_is_compared_with_what_replicas_published() -> None:
    registry = Registry()
    (one,) = registry.load("services.order.fulfilment")
    for published, expected in (({}, ["warning"]), ({(one.name, 1): "another"}, ["fault"]), ({(one.name, 1): one.hash}, [])):
        assert levels(database.judge(replace(GOOD, published=published), [one], PRODUCTION)) == expected


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({"heartbeat_every": 6}, "fault", "SAGA_HEARTBEAT_EVERY"),
        ({"claim_for": 5}, "warning", "SAGA_CLAIM_FOR"),
        ({"relay_every": 10}, "warning", "SAGA_RELAY_EVERY"),
        ({"claim_backoff": 5}, "warning", "SAGA_CLAIM_BACKOFF"),
        ({"fetch_wait": 40}, "fault", "SAGA_FETCH_WAIT"),
        ({"stuck_after": 8}, "warning", "SAGA_STUCK_AFTER"),
        ({"topic_min_insync": 4}, "fault", "SAGA_TOPIC_MIN_INSYNC"),
        ({"topic_min_insync": 3}, "warning", "SAGA_TOPIC_MIN_INSYNC"),
        ({"topic_replication": 2, "topic_min_insync": 1}, "warning", "the loss of one broker"),
        ({"session_timeout": 2}, "fault", "SAGA_SESSION_TIMEOUT"),
        ({"instance_id": ""}, "warning", "SAGA_INSTANCE_ID"),
        ({"log_level": "debug"}, "warning", "SAGA_LOG_LEVEL"),
        ({"strict_topics": "off"}, "warning", "SAGA_STRICT_TOPICS"),
        ({"http_host": "127.0.0.1"}, "warning", "SAGA_HTTP_HOST"),
        ({"postgres_sslmode": ""}, "warning", "SAGA_POSTGRES_SSLMODE"),
        ({"postgres_sslmode": "disable"}, "warning", "Postgres is disable"),
        ({"postgres_sslmode": "", "postgres_dsn": SecretStr("postgresql://a@b/c?sslmode=prefer")}, "warning", "Postgres is prefer"),
    ],
)
def test_settings_that_do_not_fit_each_other_or_production_are_found(changed: Mapping[str, Any], level: str, words: str) -> None:
    assert bad(fit.judge(PRODUCTION)) == ""
    findings = fit.judge(PRODUCTION.model_copy(update=changed))
    assert levels(findings) == [level]
    assert words in bad(findings)


@pytest.mark.parametrize("dsn", ["postgresql://a@b/c?sslmode=require", "postgresql:///c?host=/run/postgresql"])
def test_an_ssl_mode_of_the_dsn_or_a_socket_is_enough(dsn: str) -> None:
    assert bad(fit.judge(PRODUCTION.model_copy(update={"postgres_sslmode": "", "postgres_dsn": SecretStr(dsn)}))) == ""


class Told:
    """A log that remembers."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, str]] = []

    def warning(self, event: str, **more: str) -> None:
        self.lines.append({"event": event, **more})


class Cluster:
    """A cluster that is away at first."""

    def __init__(self, facts: KafkaFacts, away: int = 0) -> None:
        self.facts, self.away = facts, away

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        if self.away:
            self.away -= 1
            raise Unavailable("kafka", "away")
        yield self

    async def look(self, names: Collection[str], group: str = "") -> KafkaFacts:
        return self.facts


async def test_a_strict_replica_refuses_unsafe_topics_and_another_one_says_so_once() -> None:  # K14
    unsafe = Cluster(cluster(seen(settings={**WISH.settings, "cleanup.policy": "compact"})))
    for strict in (True, False):
        told = Told()
        checking = check_at_start(lambda: look_at(unsafe.admin, [WISH]), asyncio.Event(), told, strict=strict)
        if strict:
            with pytest.raises(ConfigurationError, match="compact"):
                await checking
        else:
            await checking
        assert [line["subject"] for line in told.lines] == ["topic pay.events"]


async def test_a_strict_replica_with_good_topics_starts_and_one_without_kafka_waits() -> None:  # K14
    good = Cluster(cluster(seen()), away=1)
    async with asyncio.timeout(5):
        await check_at_start(lambda: look_at(good.admin, [WISH]), asyncio.Event(), Told(), strict=True)
    assert good.away == 0
    stopping = asyncio.Event()
    stopping.set()
    await check_at_start(lambda: look_at(Cluster(cluster()).admin, [WISH]), stopping, Told(), strict=True)


def test_unsafe_topics_are_refused_in_production_unless_a_person_says_otherwise() -> None:  # K14
    assert is_strict(PRODUCTION)
    assert not is_strict(Settings())
    assert is_strict(Settings(strict_topics="on"))
    assert not is_strict(Settings(env="production", strict_topics="off"))
