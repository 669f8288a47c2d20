"""Hostile calls on real sockets, many at a time, beside clients that are slow: what each answer must be."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from time import monotonic
from typing import Any

import asyncpg
import jsonschema_rs
import orjson

from tests.hostile.asking import Call, Client, Said
from tests.hostile.bodies import CANARY
from tests.hostile.flood import resident
from tests.hostile.records import GROWS_MB
from tests.hostile.requests import MADE, Known, Requests
from tests.hostile.slope import growth
from tests.hostile.slow import SLOW, play
from tests.hostile.stage import Stage
from tests.proof.asking import Budget
from tests.proof.report import Report

SIDE_BY_SIDE = 12
PROTOCOL = (400, 404, 405)  # what no operation stands behind
SLOW_EVERY = 400
SENDERS_WORDS = ("listDeadLetters", "showDeadLetter", "listHeldRecords", "listAudit")  # what a caller or a forger wrote, ids among it
ANSWERED = "every call is answered as the document says"


class Calls:
    """One run of the second half of the rung."""

    def __init__(self, stage: Stage, seed: int, report: Report) -> None:
        self._stage, self._report = stage, report
        self._chance = Random(seed)
        self._memory: list[tuple[float, float]] = []
        self._asked = 0
        self._statuses: Counter[int] = Counter()
        self._slowest = 0.0
        report.enable(*(f"call: {kind}" for kind in MADE), *(f"call: {kind}" for kind in SLOW))

    async def run(self, count: int, budget: Budget) -> None:
        """Ask so often; judge each answer as it comes."""
        known = await self._known()
        document = orjson.loads((await Client(self._stage.port).ask(Call("", "", "GET", "/openapi.json"))).body)
        self._judge = Judge(document, known, self._report)
        self._requests = Requests(document, known, self._chance)
        began = monotonic()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(SIDE_BY_SIDE):
                tasks.create_task(self._caller(count, budget))
            tasks.create_task(self._slow_ones(count, budget))
            tasks.create_task(self._watch(count, budget))
        report = self._report
        report.count("calls", self._asked)
        report.tell("calls_per_s", round(self._asked / (monotonic() - began)))
        report.tell("slowest_call_s", round(self._slowest, 2))
        report.tell("statuses", " ".join(f"{status}:{times}" for status, times in sorted(self._statuses.items())))
        report.count("server_errors", sum(times for status, times in self._statuses.items() if status >= 500))
        grown = growth(self._memory)
        report.tell("rss_growth_of_calls_mb", round(grown, 2))
        (report.held("I19") if grown <= GROWS_MB else report.broke("I19", f"calls made the replica grow by {grown:.1f} MiB"))

    async def _caller(self, count: int, budget: Budget) -> None:
        client = Client(self._stage.port)
        while self._asked < count and not budget.over:
            self._asked += 1
            call = self._requests.draw()
            began = monotonic()
            try:
                said = await client.ask(call)
            except TimeoutError:
                client.close()
                self._report.count("stalls")
                self._report.broke("stall", f"no answer to {call.method} {call.target[:200]} ({call.kind})")
                continue
            self._slowest = max(self._slowest, monotonic() - began)
            self._statuses[said.status] += 1
            self._report.fired(f"call: {call.kind}")
            self._judge.judge(call, said)
        client.close()

    async def _slow_ones(self, count: int, budget: Budget) -> None:
        """Beside the others: each kind once at first, then now and then."""
        kinds, due = list(SLOW), 0
        while self._asked < count and not budget.over:
            if self._asked >= due:
                due += SLOW_EVERY
                for kind in kinds or [self._chance.choice(list(SLOW))]:
                    fault = await play(kind, self._stage.port, self._stage.keys["default"])
                    self._report.fired(f"call: {kind}")
                    self._report.broke("stall", f"{kind}: {fault}") if fault else self._report.held("stall")
                kinds = []
            await asyncio.sleep(0.05)

    async def _watch(self, count: int, budget: Budget) -> None:
        told = monotonic()
        while self._asked < count and not budget.over:
            self._memory.append((float(self._asked), resident(self._stage.pid)))
            if monotonic() - told > 10:
                told = monotonic()
                print(f"{self._asked:9} calls, {self._memory[-1][1]:6.1f} MiB", flush=True)
            await asyncio.sleep(0.25)

    async def _known(self) -> Known:
        sagas, letters = {}, {}
        connection = await asyncpg.connect(self._stage.dsn)
        try:
            for tenant in self._stage.keys:
                sagas[tenant] = await _column(connection, "select saga_id::text from saga.saga where tenant = $1 limit 50", tenant)
                letters[tenant] = await _column(
                    connection, "select encode(id, 'hex') from saga.dead_letter where tenant = $1 limit 50", tenant
                )
        finally:
            await connection.close()
        return Known(sagas, letters, self._stage.keys)


async def _column(connection: Any, query: str, tenant: str) -> Sequence[str]:
    return [row[0] for row in await connection.fetch(query, tenant)] or ["0" * 64]


class Judge:
    """Documented status, body as its schema says, nothing of another tenant, no secret."""

    def __init__(self, document: Mapping[str, Any], known: Known, report: Report) -> None:
        self._responses = {said["operationId"]: said["responses"] for methods in document["paths"].values() for said in methods.values()}
        self._components = document["components"]
        self._validators: dict[tuple[str, str], Any] = {}
        self._report = report
        self._secrets = [key.partition(".")[2].encode() for key in known.keys.values()]
        others = {tenant: [other for other in known.keys if other != tenant] for tenant in (*known.keys, "nobody")}
        self._foreign = {tenant: [f"{CANARY}-{other}".encode() for other in names] for tenant, names in others.items()}
        self._ids = {tenant: [saga_id.encode() for other in names for saga_id in known.sagas[other]] for tenant, names in others.items()}

    def judge(self, call: Call, said: Said) -> None:
        """Count what holds, tell what does not."""
        fault = self._fault(call, said)
        if fault:
            self._report.broke(ANSWERED, f"{call.kind}: {call.method} {call.target[:200]} {call.body[:80]!r}: {fault}")
        else:
            self._report.held(ANSWERED)
        marks = self._foreign[call.tenant] + ([] if call.operation in SENDERS_WORDS else self._ids[call.tenant])
        seen = [mark for mark in marks if mark in said.body and mark.decode() not in call.target]
        self._report.broke("I16", f"{call.method} {call.target[:200]} shows {call.tenant} {seen[0]!r}") if seen else self._report.held(
            "I16"
        )
        told = any(secret in said.body for secret in self._secrets)
        self._report.broke("I20", f"{call.method} {call.target[:200]} shows a key") if told else self._report.held("I20")

    def _fault(self, call: Call, said: Said) -> str:
        status, documented = str(said.status), self._responses.get(call.operation, {})
        if said.status >= 500 or not said.status:
            return f"status {status}: {said.body[:200]!r}"
        if said.status in PROTOCOL and (not call.operation or said.headers.get("content-type", "").startswith("text/plain")):
            return ""  # of the server itself, to what is no HTTP
        if not call.operation:
            return ""  # what it hit by chance is not known here, and was answered
        if status not in documented:
            return f"status {status} is not documented: {said.body[:200]!r}"
        return self._unlike(call.operation, status, said)

    def _unlike(self, operation: str, status: str, said: Said) -> str:
        content = self._responses[operation][status].get("content", {})
        kind = said.headers.get("content-type", "").partition(";")[0]
        if kind not in content or not kind.endswith("json"):
            return "" if kind in content or not content or said.status == 200 else f"{kind} is not documented for {status}"
        validator = self._validators.get((operation, status))
        if validator is None:
            schema = {**content[kind]["schema"], "components": self._components}
            validator = self._validators[operation, status] = jsonschema_rs.Draft202012Validator(schema)
        error = next(iter(validator.iter_errors(orjson.loads(said.body))), None)
        return f"the body of {status} is not as documented: {str(error)[:200]}" if error else ""
