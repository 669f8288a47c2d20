"""Servers that want TLS, for tests that say `pytest_plugins = ["secured_fixtures"]`; each is started by the first test that needs it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from saga.embedded.postgres import EmbeddedPostgres
from tests.authority import Authority
from tests.secured_kafka import SecuredKafka
from tests.secured_postgres import secured_postgres


@pytest.fixture(scope="session")
def readable_home() -> Iterator[Path]:
    """A directory that a server run by `nobody` may enter, which pytest's own are not."""
    home = Path(tempfile.mkdtemp(prefix="saga-secured-"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def authority(readable_home: Path) -> Authority:
    """Who signed the servers' certificates."""
    return Authority(readable_home / "ours")


@pytest.fixture(scope="session")
def stranger(readable_home: Path) -> Authority:
    """Another authority, whom nobody asked."""
    return Authority(readable_home / "stranger", "another authority")


@pytest.fixture(scope="session")
def tls_postgres(authority: Authority, readable_home: Path) -> Iterator[EmbeddedPostgres]:
    """For 127.0.0.1, and nothing without TLS."""
    with secured_postgres(authority, readable_home) as server:
        yield server


@pytest.fixture(scope="session")
def tls_kafka(readable_home: Path) -> Iterator[SecuredKafka]:
    """For 127.0.0.1, with SCRAM and ACLs."""
    kafka = SecuredKafka(readable_home / "kafka")
    kafka.start()
    yield kafka
    kafka.stop()
