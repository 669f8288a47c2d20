"""Keys and audit on a real database, by the commands and the processes that people use."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest
from typer.testing import CliRunner

from saga import bootstrap
from saga.access.gate import KEEP, Around, Gate
from saga.access.ledger import Ledger
from saga.api.app import build_app
from saga.cli.app import app
from saga.config import Settings
from saga.observability.telemetry import Telemetry
from saga.store.postgres import PostgresStore

pytestmark = pytest.mark.integration

DEFINITIONS = "tests.unit.shop"
BODY = {"order_id": "1", "lines": 2}
WHY = ("--reason", "because")
CHANGES = {"at": "at + interval '1 microsecond'", "hash": "sha256(hash)"}
ONE_MORE = " || 'x'"
COLUMNS = ("at", "actor", "act", "saga_id", "definition", "step", "reason", "outcome", "detail", "input_id", "hash")


async def saga(dsn: str, *arguments: str) -> tuple[int, Any]:
    """`saga ... --json` on this database: its exit code and document."""
    given = [*arguments, "--postgres", dsn, "--definitions", DEFINITIONS, "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, given)
    return result.exit_code, json.loads(result.stdout or result.stderr)


async def process(**environment: str) -> tuple[int, str]:
    """`python -m saga serve --json`: its exit code and the last line that it wrote."""
    command = (sys.executable, "-m", "saga", "serve", "--json")
    running = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment}, stdout=-1, stderr=asyncio.subprocess.STDOUT)
    out, _ = await asyncio.wait_for(running.communicate(), 60)
    return running.returncode or 0, out.decode().splitlines()[-1]


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def rest(dsn: str, clock: Clock) -> AsyncIterator[httpx2.AsyncClient]:
    """REST as `serve` builds it, by the service's role, with the gate closed."""
    settings = Settings(postgres_dsn=dsn, postgres_role="saga_service", http_rate=0)  # type: ignore[arg-type]
    store = await PostgresStore.connect(settings)
    try:
        registry = bootstrap.load_definitions(Settings(definitions=DEFINITIONS))  # type: ignore[arg-type]
        replica = bootstrap.build(settings, store, bootstrap.Unsent(), registry, Telemetry.silent())
        await replica.heartbeat.beat()
        served = build_app(replica.desk, lambda: (b"", ""), settings, Gate(settings, store, Around(clock=clock)))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=served), base_url="http://test") as http:
            yield http
    finally:
        await store.close()


def bearer(document: dict[str, Any], **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {document['key']}", **more}


async def test_a_key_is_made_used_rotated_with_overlap_and_revoked(migrated_dsn: str) -> None:
    clock = Clock()
    _, first = await saga(migrated_dsn, "keys", "add", "ci", "--role", "viewer", *WHY)
    async with rest(migrated_dsn, clock) as http:
        _, second = await saga(migrated_dsn, "keys", "rotate", "ci", "--overlap", "1h", *WHY)
        assert [(await http.get("/v1/sagas", headers=bearer(one))).status_code for one in (first, second)] == [200, 200]
        _, third = await saga(migrated_dsn, "keys", "rotate", "ci", "--overlap", "0", *WHY)
        clock.now += KEEP
        assert [(await http.get("/v1/sagas", headers=bearer(one))).status_code for one in (first, second, third)] == [401, 401, 200]
        assert await saga(migrated_dsn, "keys", "revoke", "ci", *WHY) == (0, {"name": "ci", "revoked": 1})
        clock.now += KEEP
        assert (await http.get("/v1/sagas", headers=bearer(third))).status_code == 401
    _, listed = await saga(migrated_dsn, "keys", "list")
    assert [one["grants"] for one in listed["items"]] == [["viewer"]] * 3
    _, audit = await saga(migrated_dsn, "audit", "list")
    assert [one["act"] for one in audit["items"]] == ["revoke-key", "rotate-key", "rotate-key", "add-key"]


async def test_no_secret_is_stored_or_listed(migrated_dsn: str) -> None:  # A3, A12
    _, made = await saga(migrated_dsn, "keys", "add", "ci", "--role", "admin", *WHY)
    secret = made["key"].partition(".")[2]
    assert len(secret) == 43
    connection = await asyncpg.connect(migrated_dsn)
    rows = [*await connection.fetch("select * from saga.api_key"), *await connection.fetch("select * from saga.audit")]
    await connection.close()
    said = (
        repr([dict(row) for row in rows]) + repr(await saga(migrated_dsn, "keys", "list")) + repr(await saga(migrated_dsn, "audit", "list"))
    )
    assert secret not in said
    assert secret.encode().hex() not in said


async def acts(dsn: str) -> None:
    """Rows of audit by a key, by the command line, and by somebody without the role."""
    _, made = await saga(dsn, "keys", "add", "ada", "--role", "operator", *WHY)
    _, viewer = await saga(dsn, "keys", "add", "eve", "--role", "viewer", "--definition", "fulfil-order", *WHY)
    async with rest(dsn, Clock()) as http:
        started = await http.post("/v1/definitions/fulfil-order/sagas", json=BODY, headers=bearer(made, **{"Idempotency-Key": "k"}))
        path = f"/v1/sagas/{started.json()['saga_id']}"
        assert (await http.post(f"{path}/pause", json={"reason": "wait"}, headers=bearer(made))).status_code == 200
        assert (await http.post(f"{path}/cancel", json={"reason": "r"}, headers=bearer(viewer))).status_code == 403
    assert (await saga(dsn, "cancel", "fulfil-order:1", *WHY))[0] == 0


async def test_a_change_of_any_column_of_any_row_is_found_and_so_is_a_row_that_is_gone(migrated_dsn: str) -> None:  # A13, I17
    await acts(migrated_dsn)
    assert (await saga(migrated_dsn, "audit", "verify"))[0] == 0
    connection = await asyncpg.connect(migrated_dsn)
    store = await PostgresStore.connect(Settings(postgres_dsn=migrated_dsn))  # type: ignore[arg-type]
    ledger = Ledger(store)
    rows = await connection.fetchval("select count(*) from saga.audit")
    assert rows == 5
    statements = [f"update saga.audit set {name} = {CHANGES.get(name) or name + ONE_MORE} where position = $1" for name in COLUMNS]
    for statement in [*statements, "delete from saga.audit where position = $1"]:
        for position in range(1, rows + 1):
            async with _undone(connection, statement, position):
                assert any(verdict.faults for verdict in await ledger.verify()), (statement, position)
    assert not any(verdict.faults for verdict in await ledger.verify())
    await store.close()
    await connection.close()


@asynccontextmanager
async def _undone(connection: asyncpg.Connection, statement: str, position: int) -> AsyncIterator[None]:
    """A change that others see, put back afterwards."""
    before = await connection.fetch("select * from saga.audit")
    await connection.execute(statement, position)
    yield
    await connection.execute("delete from saga.audit")
    places = ", ".join(f"${number}" for number in range(1, len(before[0]) + 1))
    await connection.executemany(f"insert into saga.audit values ({places})", [tuple(row) for row in before])


async def test_verify_prints_the_head_that_it_compares_with_later(migrated_dsn: str) -> None:  # A13
    await saga(migrated_dsn, "keys", "add", "ci", "--role", "viewer", *WHY)
    _, first = await saga(migrated_dsn, "audit", "verify")
    head = first["items"][0]["head"]
    await saga(migrated_dsn, "keys", "revoke", "ci", *WHY)
    assert (await saga(migrated_dsn, "audit", "verify", "--head", head))[0] == 0
    connection = await asyncpg.connect(migrated_dsn)
    await connection.execute("truncate saga.audit, saga.audit_head")
    await connection.close()
    code, told = await saga(migrated_dsn, "audit", "verify", "--head", head)
    assert (code, told["good"], told["items"][0]["faults"]) == (1, False, ["row 1 of an exported head is not there"])
    assert (await saga(migrated_dsn, "audit", "verify", "--head", "nonsense"))[0] == 2


FORBIDDEN = [
    "update saga.audit set reason = ''",
    "delete from saga.audit",
    "truncate saga.audit",
    "delete from saga.audit_head",
    "update saga.api_key set revoked_at = null",
    "delete from saga.api_key",
    "insert into saga.api_key (id) values ('x')",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_service_may_neither_change_the_audit_nor_make_keys(migrated_dsn: str, statement: str) -> None:  # A13
    connection = await asyncpg.connect(migrated_dsn)
    await connection.execute("set role saga_service")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


async def test_serve_that_would_refuse_everybody_does_not_start_and_says_what_to_do(migrated_dsn: str) -> None:
    where = {"SAGA_POSTGRES_DSN": migrated_dsn, "SAGA_KAFKA_BOOTSTRAP": "127.0.0.1:1", "SAGA_HTTP_PORT": "0"}
    code, told = await process(**where, SAGA_DEFINITIONS=DEFINITIONS)
    assert code == 2
    assert all(word in told for word in ("saga keys add", "SAGA_ISSUERS", "--insecure-dev"))


async def test_insecure_is_refused_in_production() -> None:
    code, told = await process(SAGA_ENV="production", SAGA_INSECURE_DEV="true")
    assert code == 2
    assert "SAGA_INSECURE_DEV" in told
