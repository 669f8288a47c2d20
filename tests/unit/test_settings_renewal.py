"""SIGHUP: what is taken over, what waits for a restart, and what a fault leaves as it was."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from saga.config import Settings, load_settings
from saga.errors import LoginRefused
from saga.secrets.renewal import Part, Renewal
from saga.secrets.servers import KAFKA_LOGIN, POSTGRES_LOGIN
from tests.authority import Authority

CANARY = "canary-51c2"
REFUSED = "settings refused; the old ones stay"


class Process:
    """Settings out of a directory, and what was said."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        monkeypatch.setenv("SAGA_SECRETS_DIR", str(directory))
        monkeypatch.setenv("SAGA_KAFKA_USERNAME", "me")
        monkeypatch.setenv("SAGA_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
        self.write(saga_kafka_password="first", saga_postgres_password="first", saga_log_level="info")
        self.said: list[tuple[str, str, dict[str, object]]] = []
        self.taken: list[Settings] = []
        self.renewal = Renewal(load_settings(), self._say)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.directory / name).write_text(text)

    def part(self, what: str, names: frozenset[str], take: Callable[[Settings], Awaitable[None]] | None = None) -> None:
        self.renewal.add(Part(what, names, take or self._take))

    async def _take(self, settings: Settings) -> None:
        self.taken.append(settings)

    def _say(self, level: str, event: str, **facts: object) -> None:
        self.said.append((level, event, facts))


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(tmp_path, monkeypatch)


async def test_only_the_part_whose_settings_changed_is_asked_and_names_no_value(process: Process) -> None:  # A12
    process.part("postgres", POSTGRES_LOGIN)
    process.part("kafka", KAFKA_LOGIN)
    process.write(saga_postgres_password=CANARY)
    await process.renewal.reread()
    assert [one.postgres_password.get_secret_value() for one in process.taken] == [CANARY]
    assert process.renewal.settings is process.taken[0]
    assert process.said == [("info", "settings taken over", {"part": "postgres", "variables": ["SAGA_POSTGRES_PASSWORD"]})]


async def test_a_faulty_file_keeps_everything_as_it_was(process: Process) -> None:
    process.part("kafka", KAFKA_LOGIN)
    before = process.renewal.settings
    process.write(saga_kafka_password=CANARY, saga_log_level="loud")
    await process.renewal.reread()
    assert process.renewal.settings is before
    assert process.taken == []
    assert [(level, event) for level, event, _ in process.said] == [("error", REFUSED)]
    assert "SAGA_LOG_LEVEL" in str(process.said)
    assert CANARY not in str(process.said)


async def test_a_part_that_refuses_keeps_its_old_settings_and_the_others_take_theirs(process: Process) -> None:
    async def refuse(_settings: Settings) -> None:
        raise LoginRefused("kafka", "it refuses the login of me")

    process.part("kafka", KAFKA_LOGIN, refuse)
    process.part("postgres", POSTGRES_LOGIN)
    process.write(saga_kafka_password="second", saga_postgres_password="second")
    await process.renewal.reread()
    now = process.renewal.settings
    assert (now.kafka_password.get_secret_value(), now.postgres_password.get_secret_value()) == ("first", "second")
    assert [event for _, event, _ in process.said] == [REFUSED, "settings taken over"]


async def test_a_bug_in_a_part_is_said_by_type_and_stops_nothing(process: Process) -> None:
    async def broken(_settings: Settings) -> None:
        raise ZeroDivisionError(CANARY)

    process.part("kafka", KAFKA_LOGIN, broken)
    process.write(saga_kafka_password="second")
    await process.renewal.reread()
    assert process.said[0][2]["fault"] == "ZeroDivisionError"


async def test_what_needs_a_restart_is_named_and_not_taken(process: Process) -> None:
    process.part("postgres", POSTGRES_LOGIN)
    process.write(saga_group_id="other", saga_postgres_dsn="postgresql://saga@elsewhere/saga")
    await process.renewal.reread()
    assert process.renewal.settings.group_id == "saga-coordinator"
    assert process.taken == []
    said = {"variables": ["SAGA_GROUP_ID", "SAGA_POSTGRES_DSN"]}
    assert process.said == [("info", "settings that wait for a restart", said)]


async def test_another_user_of_the_same_database_needs_no_restart(process: Process) -> None:
    process.part("postgres", POSTGRES_LOGIN)
    process.write(saga_postgres_dsn="postgresql://keeper@127.0.0.1:5432/saga")
    await process.renewal.reread()
    assert "keeper" in process.taken[0].postgres_dsn.get_secret_value()


async def test_a_certificate_that_was_written_again_is_a_change(process: Process, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ca = Authority(tmp_path / "one").ca
    monkeypatch.setenv("SAGA_POSTGRES_CA_FILE", str(ca))
    await process.renewal.reread()
    process.part("postgres", POSTGRES_LOGIN)
    ca.write_bytes(Authority(tmp_path / "two").ca.read_bytes())
    await process.renewal.reread()
    assert len(process.taken) == 1
    await process.renewal.reread()
    assert process.said[-1] == ("info", "settings read again; nothing has changed", {})


async def test_what_nobody_holds_yet_is_taken_over_for_whoever_comes(process: Process) -> None:
    process.write(saga_postgres_password="second")
    await process.renewal.reread()
    assert process.renewal.settings.postgres_password.get_secret_value() == "second"


async def test_options_of_the_command_line_stay(process: Process) -> None:
    process.renewal.settings = load_settings(postgres_password="option")
    process.part("postgres", POSTGRES_LOGIN)
    process.write(saga_postgres_password="second")
    await process.renewal.reread()
    assert process.taken == []


async def test_issuers_are_read_again_and_a_faulty_list_leaves_the_old_ones(process: Process) -> None:  # A2
    process.part("issuers", frozenset({"issuers"}))
    one = '{"issuer": "https://id.example", "audience": "saga", "jwks": "https://id.example/keys"}'
    process.write(saga_issuers=f"[{one}]")
    await process.renewal.reread()
    assert [[issuer.issuer for issuer in taken.issuers] for taken in process.taken] == [["https://id.example"]]
    process.write(saga_issuers=f"[{one}, {one}]")
    await process.renewal.reread()
    assert len(process.taken) == 1
    assert process.said[-1][1] == REFUSED
