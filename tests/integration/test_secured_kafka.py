"""Kafka behind TLS, SASL and ACLs: who is refused, how that is said, and what goes on meanwhile (real broker)."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from saga.errors import LoginRefused, Unavailable
from saga.ports.messaging import InboundRecord, OutboundRecord, TopicPartition
from saga.secrets.servers import KafkaLogin, Mechanism
from saga.secrets.tls import TlsFiles
from saga.transport.acls import Acl, Principals, acls
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from tests.authority import Authority
from tests.secured_kafka import SecuredKafka

pytestmark = pytest.mark.integration
pytest_plugins = ["secured_fixtures", "kafka_fixtures"]

SECRET = "canary-4410"
PARTICIPANTS = ("payment", "inventory")


@pytest.fixture(scope="module")
def kafka(tls_kafka: SecuredKafka) -> SecuredKafka:
    """With the users and rights of two participants and their coordinator."""
    tls_kafka.create_topics([f"{name}.{kind}" for name in PARTICIPANTS for kind in ("commands", "events")])
    tls_kafka.grant(acls(PARTICIPANTS, "saga-coordinator", Principals()))
    tls_kafka.grant([Acl("User:plain", "Write", "topic", "payment.events")])
    for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256"):
        for name in (*PARTICIPANTS, "saga-coordinator", "nobodys-friend"):
            tls_kafka.add_login(name, SECRET, mechanism)
    return tls_kafka


class Incidents(list[tuple[str, str]]):
    """What was told."""

    def hear(self, what: str, detail: str) -> None:
        self.append((what, detail))


def options(kafka: SecuredKafka, name: str, told: Incidents | None = None) -> KafkaOptions:
    """As `name`."""
    hear = (Incidents() if told is None else told).hear
    return KafkaOptions(
        kafka.bootstrap, name, client_id=name, fetch_wait=0.1, session_timeout=6.0, incident=hear, login=kafka.login(name, SECRET)
    )


async def nothing(_revoked: frozenset[TopicPartition]) -> None:
    """Nobody waits."""


async def started(options: KafkaOptions) -> KafkaProducer:
    """A producer that is connected, as soon as the broker knows the user: it learns of new ones a moment later."""
    producer = KafkaProducer(options)
    async with asyncio.timeout(20):
        while True:
            try:
                await producer.start()
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return producer


async def read(options: KafkaOptions, *topics: str) -> list[InboundRecord]:
    """The first records that come."""
    consumer = KafkaConsumer(options, topics, nothing)
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            while not (found := await consumer.poll(100, 0.5)):
                pass
        return found
    finally:
        await consumer.stop()


async def hear_nothing(consumer: KafkaConsumer) -> None:
    """Poll until that is an error."""
    async with asyncio.timeout(30):
        while True:
            assert await consumer.poll(10, 0.2) == []


async def be_refused(producer: KafkaProducer) -> None:
    """Start again and again: the broker knows of a new user a moment later, and his password is refused until then."""
    async with asyncio.timeout(20):
        while True:
            try:
                await producer.start()
            except Unavailable as refused:
                if "no right" in str(refused):
                    raise
            await asyncio.sleep(0.1)


def record(topic: str, value: bytes = b"{}") -> OutboundRecord:
    return OutboundRecord(topic, b"key", value, ())


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
async def test_each_mechanism_logs_in_over_tls(kafka: SecuredKafka, mechanism: Mechanism) -> None:
    name, secret = ("plain", "plain-secret") if mechanism == "PLAIN" else ("payment", SECRET)
    producer = await started(replace(options(kafka, name), login=kafka.login(name, secret, mechanism)))
    assert await producer.send([record("payment.events")]) == [True]
    await producer.stop()


async def refusal(options: KafkaOptions) -> str:
    """What a producer and a consumer say that are not let in: the same."""
    said = set()
    for client in (KafkaProducer(options), KafkaConsumer(options, ["payment.commands"], nothing)):
        with pytest.raises(LoginRefused) as refused:
            await client.start()
        said.add(str(refused.value))
    (line,) = said
    assert "\n" not in line
    assert SECRET not in line
    return line


async def test_a_wrong_authority_a_wrong_name_and_a_wrong_password_are_told_apart(kafka: SecuredKafka, stranger: Authority) -> None:
    ours = options(kafka, "payment")
    assert "not trusted" in await refusal(replace(ours, login=kafka.login("payment", SECRET, ca=stranger.ca)))
    assert "Hostname mismatch" in await refusal(replace(ours, bootstrap=kafka.bootstrap.replace("127.0.0.1", "localhost")))
    assert "refuses the login of payment" in await refusal(replace(ours, login=kafka.login("payment", "wrong")))


async def test_plain_text_against_tls_and_tls_against_plain_text_are_refused(kafka: SecuredKafka, real_kafka: str) -> None:
    assert "speaks TLS, and SAGA_KAFKA_SECURITY_PROTOCOL is PLAINTEXT" in await refusal(
        replace(options(kafka, "payment"), login=KafkaLogin())
    )
    tls = KafkaLogin("SSL", tls=TlsFiles("SAGA_KAFKA_", str(kafka.authority.ca)))
    assert "is SSL what it speaks?" in await refusal(replace(options(kafka, "payment"), bootstrap=real_kafka, login=tls))


async def test_a_client_certificate_is_a_login_too(kafka: SecuredKafka) -> None:
    cert, key = kafka.authority.issue("certified")
    kafka.grant([Acl("User:CN=certified", "Write", "topic", "payment.events")])
    tls = TlsFiles("SAGA_KAFKA_", str(kafka.authority.ca), str(cert), str(key))
    ours = replace(options(kafka, "certified"), bootstrap=kafka.mutual, login=KafkaLogin("SSL", tls=tls))
    producer = await started(ours)
    assert await producer.send([record("payment.events")]) == [True]
    await producer.stop()
    with pytest.raises(Unavailable):
        await KafkaProducer(replace(ours, login=KafkaLogin("SSL", tls=replace(tls, cert="", key="")))).start()


async def test_payment_writes_its_own_events_and_nobody_elses(kafka: SecuredKafka) -> None:  # A10
    told = Incidents()
    producer = await started(options(kafka, "payment", told))
    assert await producer.send([record("inventory.events"), record("payment.events")]) == [False, True]
    assert [what for what, _ in told] == ["missing-topic"]
    assert await producer.send([record("payment.events"), record("inventory.commands")]) == [True, False]
    assert producer.replaced == 0
    await producer.stop()


async def test_a_topic_that_may_be_seen_and_not_written_is_an_incident_and_holds_up_nothing_else(kafka: SecuredKafka) -> None:  # A10
    topic, told = f"{uuid4().hex}.events", Incidents()
    kafka.create_topics([topic])
    kafka.grant([Acl("User:payment", "Describe", "topic", topic)])
    producer = await started(options(kafka, "payment", told))
    async with asyncio.timeout(30):
        while not told or told[-1][0] != "write-refused":  # the right to see it arrives a moment later
            assert await producer.send([record(topic), record("payment.events")]) == [False, True]
            await asyncio.sleep(0.1)
    assert topic in told[-1][1]
    assert producer.replaced == 0
    await producer.stop()


async def test_payment_reads_its_own_commands_and_nobody_elses(kafka: SecuredKafka) -> None:
    coordinator = await started(options(kafka, "saga-coordinator"))
    assert await coordinator.send([record("payment.commands", b"p"), record("inventory.commands", b"i")]) == [True, True]
    told = Incidents()
    found = await read(options(kafka, "payment", told), "payment.commands", "inventory.commands")
    assert {one.topic for one in found} == {"payment.commands"}
    assert [what for what, _ in told] == ["read-refused"]
    assert "inventory.commands" in told[0][1]
    await coordinator.stop()


async def test_the_coordinator_may_not_speak_for_a_participant(kafka: SecuredKafka) -> None:  # A10
    coordinator = await started(options(kafka, "saga-coordinator"))
    sent = await coordinator.send([record("payment.events"), record("payment.commands"), record("inventory.events")])
    assert sent == [False, True, False]
    await coordinator.stop()


async def test_nobody_reads_with_the_group_of_another(kafka: SecuredKafka) -> None:
    consumer = KafkaConsumer(replace(options(kafka, "payment"), group_id="inventory"), ["payment.commands"], nothing)
    await consumer.start()
    with pytest.raises(Unavailable, match="GroupAuthorizationFailedError"):
        await hear_nothing(consumer)
    await consumer.stop()


async def test_a_user_without_any_right_is_told_where_rights_come_from(kafka: SecuredKafka) -> None:
    with pytest.raises(LoginRefused, match="saga topics acls"):
        await be_refused(KafkaProducer(options(kafka, "nobodys-friend")))


async def test_a_producer_goes_on_with_its_old_login_when_the_new_one_is_refused(kafka: SecuredKafka) -> None:
    ours = options(kafka, "payment")
    producer = await started(ours)
    with pytest.raises(LoginRefused):
        await producer.renew(replace(ours, login=kafka.login("payment", "mistyped")))
    assert producer.options is ours
    assert await producer.send([record("payment.events")]) == [True]
    await producer.stop()


async def test_a_producer_takes_a_new_login_between_two_sends_and_loses_nothing(kafka: SecuredKafka) -> None:
    producer = await started(options(kafka, "payment"))
    renewed = replace(options(kafka, "payment"), login=kafka.login("payment", SECRET, "SCRAM-SHA-256"))
    sends = [asyncio.create_task(producer.send([record("payment.events")] * 50)) for _ in range(20)]
    await producer.renew(renewed)
    sends += [asyncio.create_task(producer.send([record("payment.events")] * 50)) for _ in range(20)]
    assert all(all(sent) for sent in await asyncio.gather(*sends))
    assert (producer.options, producer.replaced) == (renewed, 0)
    await producer.stop()
