"""Settings that no option can change (hazards K2, K6, K7, K8, K10)."""

from dataclasses import replace

import pytest
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from saga.transport import consumer, producer
from saga.transport.options import KafkaOptions

OPTIONS = [KafkaOptions("127.0.0.1:9092", group_id="g"), KafkaOptions("a:1", "g", "replica-1", 3.0, 1.0, 1.0, compression="gzip")]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_consumer_commits_nothing_by_itself_and_begins_at_the_beginning(options: KafkaOptions) -> None:
    settings = consumer.client_settings(options)
    assert settings["enable_auto_commit"] is False  # K2
    assert settings["auto_offset_reset"] == "earliest"  # K10
    assert settings["isolation_level"] == "read_committed"  # K7
    assert (settings["key_deserializer"], settings["value_deserializer"]) == (None, None)  # K11: raw bytes
    assert settings["partition_assignment_strategy"] == (RangePartitionAssignor,)
    assert settings["heartbeat_interval_ms"] * 3 < settings["session_timeout_ms"] < settings["request_timeout_ms"]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_producer_waits_for_all_replicas_and_is_idempotent(options: KafkaOptions) -> None:
    settings = producer.client_settings(options)
    assert (settings["acks"], settings["enable_idempotence"]) == ("all", True)  # K6, K8
    assert (settings["key_serializer"], settings["value_serializer"]) == (None, None)


def test_an_empty_instance_id_makes_a_dynamic_member() -> None:
    assert [consumer.client_settings(options)["group_instance_id"] for options in OPTIONS] == [None, "replica-1"]


def test_compression_is_none_or_gzip() -> None:
    assert [producer.client_settings(options)["compression_type"] for options in OPTIONS] == [None, "gzip"]


@pytest.mark.parametrize(("session", "beat"), [(10.0, 500), (45.0, 500), (1.0, 250)])
def test_a_member_hears_of_a_rebalance_within_half_a_second(session: float, beat: int) -> None:  # K2
    settings = consumer.client_settings(replace(OPTIONS[0], session_timeout=session))
    assert settings["heartbeat_interval_ms"] == beat
