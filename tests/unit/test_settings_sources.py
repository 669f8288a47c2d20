"""Where settings come from, what is refused, and that no fault shows a value (hazard A12)."""

import os
from pathlib import Path

import pytest

from saga.config import Settings, load_settings, without_password
from saga.errors import ConfigurationError
from saga.sdk.settings import load_settings as load_service_settings
from saga.secrets.sources import LONGEST_FILE, origins

CANARY = "canary-0f3a"
SASL = {"SAGA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "SAGA_KAFKA_USERNAME": "me"}


@pytest.fixture(autouse=True)
def only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of whoever runs the tests are not there."""
    for name in [name for name in os.environ if name.startswith(("SAGA_", "SERVICE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> "Given":
    return Given(monkeypatch)


class Given:
    """Sets variables for one test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, **variables: object) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, str(value))


def test_a_secret_comes_from_its_variable_its_file_or_the_directory(given: Given, tmp_path: Path) -> None:
    given(**SASL, SAGA_KAFKA_PASSWORD="by variable")
    assert load_settings().kafka_password.get_secret_value() == "by variable"
    (tmp_path / "any").write_text("by file\r\n")
    given(SAGA_KAFKA_PASSWORD="", SAGA_KAFKA_PASSWORD_FILE=tmp_path / "any")
    assert load_settings().kafka_password.get_secret_value() == "by file"
    (tmp_path / "saga_kafka_password").write_text(" by directory \n\n")
    given(SAGA_KAFKA_PASSWORD_FILE="", SAGA_SECRETS_DIR=tmp_path)
    assert load_settings().kafka_password.get_secret_value() == " by directory \n"


def test_an_option_beats_a_variable_which_beats_the_directory(given: Given, tmp_path: Path) -> None:
    (tmp_path / "saga_group_id").write_text("directory")
    given(SAGA_SECRETS_DIR=tmp_path)
    assert load_settings().group_id == "directory"
    given(SAGA_GROUP_ID="variable")
    assert load_settings().group_id == "variable"
    assert load_settings(group_id="option").group_id == "option"


def test_a_variable_and_its_file_at_once_are_refused(given: Given, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    given(SAGA_POSTGRES_PASSWORD=CANARY, SAGA_POSTGRES_PASSWORD_FILE=tmp_path / "secret")
    with pytest.raises(ConfigurationError, match="SAGA_POSTGRES_PASSWORD and SAGA_POSTGRES_PASSWORD_FILE are both given") as refused:
        load_settings()
    assert CANARY not in str(refused.value)


def test_lists_and_json_may_stand_in_files_too(given: Given, tmp_path: Path) -> None:
    (tmp_path / "service_seed").write_text('{"accounts": {"ada": 5}}')
    (tmp_path / "saga_definitions").write_text("one, two\n")
    given(SERVICE_SECRETS_DIR=tmp_path, SAGA_SECRETS_DIR=tmp_path)
    assert load_service_settings().seed == {"accounts": {"ada": 5}}
    assert load_settings().definitions == ("one", "two")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"a\x00b", b"x" * (LONGEST_FILE + 1)])
def test_a_file_that_holds_no_text_is_refused(given: Given, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    given(SAGA_POSTGRES_PASSWORD_FILE=tmp_path / "secret")
    with pytest.raises(ConfigurationError, match="SAGA_POSTGRES_PASSWORD_FILE: its file"):
        load_settings()


@pytest.mark.parametrize("variable", ["SAGA_POSTGRES_PASSWORD_FILE", "SAGA_SECRETS_DIR", "SAGA_POSTGRES_CA_FILE"])
def test_a_file_or_directory_that_is_not_there_is_refused(given: Given, tmp_path: Path, variable: str) -> None:
    given(**{variable: tmp_path / "nowhere"})
    with pytest.raises(ConfigurationError, match=variable.removesuffix("_FILE")):
        load_settings()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SAGA_KAFKA_PASSWORD": CANARY}, "SAGA_KAFKA_SECURITY_PROTOCOL: PLAINTEXT would not use the user"),
        ({"SAGA_KAFKA_CA_FILE": "/ca.pem"}, "PLAINTEXT would not use the certificate files"),
        (SASL, "SASL_SSL needs KAFKA_USERNAME and KAFKA_PASSWORD"),
        ({"SAGA_KAFKA_SECURITY_PROTOCOL": CANARY}, "SAGA_KAFKA_SECURITY_PROTOCOL: Input should be"),
        ({"SAGA_POSTGRES_DSN": f"postgresql://u:{CANARY}@h/d", "SAGA_POSTGRES_PASSWORD": CANARY}, "SAGA_POSTGRES_DSN holds a password too"),
        ({"SAGA_POSTGRES_SSLMODE": "require", "SAGA_POSTGRES_CA_FILE": "/ca.pem"}, "write verify-full"),
        ({"SAGA_POSTGRES_KEY_FILE": "/key.pem"}, "it needs POSTGRES_CERT_FILE"),
        ({"SAGA_HTTP_PORT": CANARY}, "SAGA_HTTP_PORT"),
    ],
)
def test_what_does_not_fit_together_is_refused_without_a_value(given: Given, variables: dict[str, str], words: str) -> None:
    given(**variables)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert words in str(refused.value)
    assert CANARY not in str(refused.value)


def test_a_password_in_the_clear_is_refused_in_production_only(given: Given) -> None:
    given(**SASL | {"SAGA_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SAGA_KAFKA_PASSWORD": "x", "SAGA_KAFKA_SASL_MECHANISM": "PLAIN"})
    assert load_settings().kafka_login().arguments()["sasl_mechanism"] == "PLAIN"
    given(SAGA_ENV="production")
    with pytest.raises(ConfigurationError, match="in the clear"):
        load_settings()


def test_json_that_is_none_is_one_line_without_its_text(given: Given) -> None:
    given(SERVICE_SEED=f'{{"{CANARY}')
    with pytest.raises(ConfigurationError, match="seed") as refused:
        load_service_settings()
    assert CANARY not in str(refused.value)


def test_an_authority_for_postgres_means_that_certificate_and_name_are_verified() -> None:
    login = Settings(postgres_ca_file="/ca.pem").postgres_login()
    assert (login.sslmode, login.tls.verify, login.tls.hostname) == ("verify-full", True, True)
    assert "ssl" not in Settings().postgres_login().arguments()  # the DSN speaks


def test_no_text_of_settings_and_logins_shows_a_secret() -> None:
    settings = Settings(
        postgres_password=CANARY, kafka_security_protocol="SASL_SSL", kafka_username="me", kafka_password=CANARY, kafka_key_password=CANARY
    )
    for shown in (settings, settings.postgres_login(), settings.kafka_login(), settings.model_dump()):
        assert CANARY not in repr(shown) + str(shown)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        (f"postgresql://saga:{CANARY}@db:5432/saga?sslmode=require", "postgresql://saga:***@db:5432/saga"),
        (f"postgresql://saga:{CANARY}/a@b:c@db/saga", "postgresql://saga:***@db/saga"),
        (f"postgresql://saga@db/saga?password={CANARY}", "postgresql://saga@db/saga"),
        (f"postgresql://saga:a?{CANARY}@db/saga", "***"),
        (f"host=db password={CANARY}", "***"),
        ("postgresql://db/saga", "postgresql://db/saga"),
    ],
)
def test_a_dsn_is_shown_without_its_password_however_it_is_written(dsn: str, shown: str) -> None:
    assert without_password(dsn) == shown


def test_each_setting_says_where_it_came_from(given: Given, tmp_path: Path) -> None:
    (tmp_path / "level").write_text("debug")
    (tmp_path / "saga_source").write_text("/here")
    given(SAGA_LOG_LEVEL_FILE=tmp_path / "level", SAGA_SECRETS_DIR=tmp_path, SAGA_EPOCH="3")
    where = origins(load_settings(http_port=1), os.environ, {"http_port": 1})
    assert (where["http_port"], where["epoch"], where["group_id"]) == ("option", "environment", "default")
    assert where["log_level"] == f"file {tmp_path / 'level'} (SAGA_LOG_LEVEL_FILE)"
    assert where["source"] == f"file {tmp_path / 'saga_source'}"
