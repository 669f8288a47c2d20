"""Brokers for tests. A test module takes part with `pytest_plugins = ["kafka_fixtures"]`; the servers are started by the first test
that needs them, once a session, and topics are told apart by their names.

Why a missing Java or Maven is a failure and no skip: a suite that passes without real Kafka says nothing about it.
"""

from collections.abc import Iterator

import pytest

from saga.embedded.broker import EmbeddedBroker
from saga.embedded.kafka import EmbeddedKafka


@pytest.fixture(scope="session")
def mock_cluster() -> Iterator[EmbeddedBroker]:
    """The embedded broker itself, to make topics. A test that breaks a broker starts one of its own."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def mock_broker(mock_cluster: EmbeddedBroker) -> str:
    """Where the embedded broker listens."""
    return mock_cluster.bootstrap


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[str]:
    """Where a real Kafka listens."""
    with EmbeddedKafka() as kafka:
        yield kafka.bootstrap
