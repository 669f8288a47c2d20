"""A Postgres that takes TLS and passwords only, and one with a login each for coordinator and services."""

import shutil
from pathlib import Path

import asyncpg

from saga.embedded.postgres import EmbeddedPostgres
from saga.store.migrate import migrate
from tests.authority import Authority, for_postgres

_ONLY_TLS = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


def secured_postgres(authority: Authority, directory: Path, host: str = "127.0.0.1") -> EmbeddedPostgres:
    """Not started. Its certificate is for `host`, signed by the authority.

    Why the server of this machine: the one of the wheel is built without TLS. A missing one is a failure and no skip.
    """
    found = shutil.which("postgres")
    assert found, "a PostgreSQL that is built with TLS must be on the PATH, as the package postgresql of a distribution brings it"
    cert, key = authority.issue("postgres", host)
    rules = directory / "pg_hba.conf"
    rules.write_text(_ONLY_TLS)
    files = {"ssl_cert_file": str(cert), "ssl_key_file": str(for_postgres(key)), "hba_file": str(rules)}
    return EmbeddedPostgres(settings={"ssl": "on", **files}, binaries=Path(found).resolve().parent)


async def make_databases(server: EmbeddedPostgres, password: str) -> None:
    """A database each for coordinator and services, and a login each of the same name."""
    await migrate(await server.create_database("coordinator"))
    await server.create_database("services")
    await execute(
        server,
        f"create role coordinator login password '{password}' in role saga_service",
        f"create role services login password '{password}'",
        "grant create on database services to services",
    )


async def execute(server: EmbeddedPostgres, *statements: str) -> None:
    """As superuser."""
    connection = await asyncpg.connect(server.dsn())
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
