"""The two brokers that come with this package."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from kafka_shapes import WITHIN, a_record, nobody, read, unique

from saga.embedded.broker import EmbeddedBroker, check_symbols
from saga.embedded.kafka import EmbeddedKafka
from saga.errors import ConfigurationError, Unavailable
from saga.transport.consumer import KafkaConsumer
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
from saga.transport.topics import create_topics

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration

SENDS = """
import asyncio, sys
from saga.ports.messaging import OutboundRecord
from saga.transport.options import KafkaOptions
from saga.transport.producer import KafkaProducer
async def main():
    producer = KafkaProducer(KafkaOptions(sys.argv[1]))
    print(await producer.send([OutboundRecord(sys.argv[2], b"k", b"from elsewhere", ())]))
    await producer.stop()
asyncio.run(main())
"""
STARTS_KAFKA = """
import time
from saga.embedded.kafka import EmbeddedKafka
kafka = EmbeddedKafka()
kafka.start()
print(kafka.pid, kafka._home, flush=True)
time.sleep(600)
"""


async def test_other_processes_reach_the_embedded_broker(mock_cluster: EmbeddedBroker) -> None:
    topic = unique("t")
    mock_cluster.create_topic(topic, 2)
    command = (sys.executable, "-c", SENDS, mock_cluster.bootstrap, topic)
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.stdout.strip() == "[True]", done.stderr
    consumer = KafkaConsumer(KafkaOptions(mock_cluster.bootstrap, unique("g")), [topic], nobody)
    await consumer.start()
    assert [record.value for record in await read(consumer, 1)] == [b"from elsewhere"]
    await consumer.stop()


def test_a_broker_that_does_not_run_says_so() -> None:
    broker = EmbeddedBroker()
    broker.start()
    broker.stop()
    broker.stop()
    with pytest.raises(Unavailable):
        _ = broker.bootstrap


def test_functions_that_a_library_lacks_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"rd_kafka_mock_topic_create.*confluent-kafka~=2\.16"):
        check_symbols(SimpleNamespace(rd_kafka_new=None))


async def test_topics_are_made_once_and_wrong_ones_are_refused(real_kafka: str) -> None:
    topic = unique("t")
    await create_topics(real_kafka, [topic], 2)
    await create_topics(real_kafka, [topic], 2)
    with pytest.raises(Unavailable, match="InvalidTopic"):
        await create_topics(real_kafka, ["not a name"], 1)
    producer = KafkaProducer(KafkaOptions(real_kafka))
    assert await producer.send([a_record(topic)]) == [True]
    await producer.stop()


@pytest.mark.parametrize(("path", "missing"), [("", "Java"), ("java", "Maven")])
def test_what_real_kafka_needs_is_named_when_it_is_missing(
    path: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path:
        (tmp_path / path).symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=missing):
        EmbeddedKafka(cache=tmp_path / "cache").start()


def test_the_broker_does_not_outlive_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTS_KAFKA], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    broker, home = parent.stdout.readline().split()
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    until = time.monotonic() + WITHIN
    while Path(f"/proc/{broker}").exists() or Path(home).exists():
        assert time.monotonic() < until, "the broker runs on, or its log is left behind"
        time.sleep(0.05)
