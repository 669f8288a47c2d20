"""Looking from outside, every few seconds: /proc, PostgreSQL's own figures, offsets of the groups."""

import asyncio
from collections import defaultdict
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.hostile.flood import resident
from tests.proof.report import Report
from tests.soak.bounds import FLAT, judge_flat, judge_histories
from tests.soak.world import LOG, PARTITIONS, World

PASSING = ("saga.outbox", "saga.held_record", "saga.replica", "saga.proof_of_commit", "saga.paused_definition", "saga.definition")
_TABLES = """
select schemaname || '.' || relname as name, n_dead_tup as dead, pg_total_relation_size(relid)::float8 / 1048576 as mib
from pg_stat_user_tables
"""
_CONNECTIONS = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
_STARTED = "select count(*) from saga.saga_key where definition = 'fulfil-order'"
_WAITING = "select (select count(*) from saga.outbox), (select count(*) from saga.held_record)"


class Sampler:
    """`flat[name]` is (seconds, value), `histories[name]` (sagas started, MiB)."""

    def __init__(self, world: World, every: float) -> None:
        self._world, self._every = world, every
        self._began = monotonic()
        self.flat: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.histories: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._admin = AdminClient({"bootstrap.servers": world.place.bootstrap, "log_level": 0})
        self.samples = 0

    async def run(self, until: float) -> None:
        """Sample until the clock says so."""
        coordinator = await asyncpg.connect(self._world.place.coordinator_dsn)
        services = await asyncpg.connect(self._world.place.services_dsn)
        try:
            while monotonic() < until:
                await self._sample(coordinator, services)
                self.samples += 1
                await asyncio.sleep(self._every)
        finally:
            await coordinator.close()
            await services.close()

    async def _sample(self, coordinator: Any, services: Any) -> None:
        now = monotonic() - self._began
        for child in self._world.children:
            if child.process is not None and child.alive:
                self._process(now, child.name, child.process.pid)
        started = float(await coordinator.fetchval(_STARTED))
        for row in await coordinator.fetch(_TABLES):
            self._table(now, started, row, passing=row["name"] in PASSING)
        for row in await services.fetch(_TABLES):
            self._table(now, started, row, passing=row["name"].endswith(".outbox"))
        self.flat["connections all"].append((now, float(await coordinator.fetchval(_CONNECTIONS))))
        outbox, held = await coordinator.fetchrow(_WAITING)
        self.flat["outbox coordinator"].append((now, float(outbox)))
        self.flat["held coordinator"].append((now, float(held)))
        for group, lag in (await asyncio.to_thread(self._lags)).items():
            self.flat[f"lag {group}"].append((now, lag))
        self.flat["log_mib kafka"].append((now, _folder_mib(self._world.home / LOG)))

    def _process(self, now: float, name: str, pid: int) -> None:
        self.flat[f"rss_mib {name}"].append((now, resident(pid)))
        self.flat[f"files {name}"].append((now, float(len(list(Path(f"/proc/{pid}/fd").iterdir())))))
        self.flat[f"threads {name}"].append((now, float(len(list(Path(f"/proc/{pid}/task").iterdir())))))

    def _table(self, now: float, started: float, row: Any, *, passing: bool) -> None:
        name = row["name"]
        if passing:
            self.flat[f"passing_mib {name}"].append((now, row["mib"]))
            self.flat[f"dead_rows {name}"].append((now, float(row["dead"])))
        else:
            self.histories[name].append((started, row["mib"]))

    def _lags(self) -> dict[str, float]:
        topics = [name for name in self._admin.list_topics(timeout=10).topics if name.endswith((".commands", ".events"))]
        places = [TopicPartition(topic, at) for topic in topics for at in range(PARTITIONS)]
        asked = self._admin.list_offsets({place: OffsetSpec.latest() for place in places})
        ends = {(place.topic, place.partition): future.result().offset for place, future in asked.items()}
        lags: dict[str, float] = {}
        for group in self._groups():
            (known,) = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
            behind = (ends[one.topic, one.partition] - one.offset for one in known.result().topic_partitions if one.offset >= 0)
            lags[group] = float(sum(max(0, records) for records in behind))
        return lags

    def _groups(self) -> list[str]:
        found = self._admin.list_consumer_groups(request_timeout=10).result()
        return sorted(one.group_id for one in found.valid)

    def judge(self, report: Report) -> None:
        """The verdicts, and that each kind of figure was really seen."""
        for name, series in sorted(self.flat.items()):
            judge_flat(name, series, report)
        for name, histories in sorted(self.histories.items()):
            judge_histories(name, histories, report)
        for figure in set(FLAT) - {name.partition(" ")[0] for name in self.flat}:
            report.broke("I19", f"{figure} was never sampled")


def _folder_mib(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*.log"):
        try:
            total += path.stat().st_size
        except OSError:
            continue  # deleted meanwhile
    return total / 2**20
