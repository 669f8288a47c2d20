"""Postgres behind TLS: what is verified, what is refused, how that is said, and a password that changes (real server)."""

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from saga.config import Settings
from saga.embedded.postgres import EmbeddedPostgres
from saga.errors import ConfigurationError, LoginRefused, Unavailable
from saga.sdk.barrier.database import Database
from saga.sdk.participant import Participant
from saga.store.migrate import migrate
from saga.store.postgres import PostgresStore
from tests.authority import Authority
from tests.secured_postgres import execute

pytestmark = pytest.mark.integration
pytest_plugins = ["secured_fixtures"]

SECRET = "canary-8812"


@pytest.fixture
async def secured(tls_postgres: EmbeddedPostgres, authority: Authority) -> Settings:
    """The settings of a coordinator on a migrated database, with a login of its own."""
    dsn = await tls_postgres.create_database("coordinator")
    await migrate(dsn)
    await execute(tls_postgres, "drop role if exists keeper", f"create role keeper login password '{SECRET}' in role saga_service")
    place = dsn.rpartition("@")[2]
    return settings(f"postgresql://keeper@{place}", authority.ca)


def settings(dsn: str, ca: Path, **more: object) -> Settings:
    """Of a coordinator that verifies."""
    return Settings.load({"postgres_dsn": SecretStr(dsn), "postgres_password": SecretStr(SECRET), "postgres_ca_file": str(ca), **more})


def changed(settings: Settings, **more: object) -> Settings:
    return Settings.load({**settings.options, **more})


async def refusal(settings: Settings) -> str:
    """What the store, migrations and a participant say that are not let in: the same."""
    said = set()
    database = Database(Participant("payment"), settings.postgres_login())
    for attempt in (lambda: PostgresStore.connect(settings), lambda: migrate(settings.postgres_login()), database.open):
        with pytest.raises(LoginRefused) as refused:
            await attempt()
        said.add(str(refused.value).replace("SERVICE_", "SAGA_"))
    (line,) = said
    assert "\n" not in line
    assert SECRET not in line
    return line


async def test_a_verified_connection_is_encrypted(secured: Settings, tls_postgres: EmbeddedPostgres) -> None:
    store = await PostgresStore.connect(secured)
    await store.ping()
    connection = await asyncpg.connect(tls_postgres.dsn())
    query = "select bool_and(ssl) from pg_stat_activity join pg_stat_ssl using (pid) where usename = 'keeper'"
    assert await connection.fetchval(query) is True
    await connection.close()
    await store.close()


async def test_a_wrong_authority_and_a_wrong_name_are_refused(secured: Settings, stranger: Authority) -> None:
    assert "not trusted" in await refusal(changed(secured, postgres_ca_file=str(stranger.ca)))
    elsewhere = secured.postgres_dsn.get_secret_value().replace("127.0.0.1", "localhost")
    assert "Hostname mismatch" in await refusal(changed(secured, postgres_dsn=SecretStr(elsewhere)))
    named = await PostgresStore.connect(changed(secured, postgres_dsn=SecretStr(elsewhere), postgres_sslmode="verify-ca"))
    await named.close()  # verify-ca asks who signed, not for whom
    assert "not trusted" in await refusal(changed(secured, postgres_ca_file=str(stranger.ca), postgres_sslmode="verify-ca"))


async def test_a_server_without_tls_is_refused_and_never_spoken_to_in_plain_text(secured: Settings, migrated_dsn: str) -> None:
    place = migrated_dsn.rpartition("@")[2]
    assert "does not speak TLS" in await refusal(changed(secured, postgres_dsn=SecretStr(f"postgresql://postgres@{place}")))


async def test_plain_text_to_a_server_that_wants_tls_is_refused(secured: Settings) -> None:
    plain = changed(secured, postgres_ca_file="", postgres_sslmode="disable")
    with pytest.raises(ConfigurationError, match="no encryption") as refused:
        await PostgresStore.connect(plain)
    assert SECRET not in str(refused.value)


async def test_new_connections_use_a_new_password_and_the_old_ones_finish_their_work(
    secured: Settings, tls_postgres: EmbeddedPostgres
) -> None:
    store = await PostgresStore.connect(secured)
    async with store.transaction() as work:
        await execute(tls_postgres, "alter role keeper password 'next-one'")
        await store.renew(changed(secured, postgres_password=SecretStr("next-one")))
        assert await work.load([uuid4()]) == {}
    await execute(tls_postgres, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keeper'")
    await store.ping()
    await store.close()


async def test_a_password_that_the_server_refuses_is_not_taken(migrated_dsn: str, postgres_server: EmbeddedPostgres) -> None:
    """Without TLS: the driver leaves its socket to the garbage collector when a login over TLS is refused."""
    await execute(postgres_server, "drop role if exists refused", f"create role refused login password '{SECRET}' in role saga_service")
    ours = Settings.load(
        {"postgres_dsn": SecretStr(f"postgresql://refused@{migrated_dsn.rpartition('@')[2]}"), "postgres_password": SecretStr(SECRET)}
    )
    mistyped = changed(ours, postgres_password=SecretStr("mistyped"))
    store, database = await PostgresStore.connect(ours), Database(Participant("payment"), ours.postgres_login())
    for renewed in (store.renew(mistyped), database.renew(mistyped.postgres_login())):
        with pytest.raises(ConfigurationError, match="password authentication failed"):
            await renewed
    await execute(postgres_server, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'refused'")
    with suppress(Unavailable):  # the cut may be seen once; then new connections are made, with the old password
        await store.ping()
    await store.ping()
    await store.close()


async def test_a_server_that_is_away_takes_the_new_password_untried(secured: Settings) -> None:
    store = await PostgresStore.connect(secured)
    nowhere = secured.postgres_dsn.get_secret_value().replace(f":{port_of(secured)}/", ":1/")
    await store.renew(changed(secured, postgres_dsn=SecretStr(nowhere)))
    with pytest.raises(Unavailable):
        await store.ping()
    await store.close()


def port_of(settings: Settings) -> str:
    return settings.postgres_dsn.get_secret_value().rpartition(":")[2].partition("/")[0]
