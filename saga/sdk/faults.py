"""Faults on purpose, for demonstrations and tests: lost, doubled and late answers, and a death between effect and answer.

Off unless `SERVICE_FAULTS` says otherwise, refused in production. Every choice is a hash of the seed and of what it is about, so the
same seed and the same orders give the same faults, whatever the timing.

    SERVICE_FAULTS='{"seed": 7, "lose": [{"type": "StockReserved", "share": 0.1, "attempts": 1000}],
                     "duplicate": 0.1, "delay": {"share": 0.1, "seconds": 1.5}, "crash": 0.01, "crash_before": 0.01}'
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from saga.ports.messaging import OutboundRecord, Producer
from saga.sdk.incoming import Incoming

Share = Annotated[float, Field(ge=0, le=1)]
CRASHED = 70


class _Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lose(_Plan):
    """Answers of a type (`StockReserved`, or a whole `ce_type`) that never arrive: a share of them, or those whose key holds `marker`.

    Lost is every attempt up to `attempts`; a repetition with a higher attempt gets through.
    """

    type: str
    share: Share = 1.0
    marker: str = ""
    attempts: Annotated[int, Field(ge=1)] = 1


class Delay(_Plan):
    """A share of all records is sent `seconds` later, and so after what was written after them."""

    share: Share = 0.0
    seconds: Annotated[float, Field(ge=0, le=600)] = 0.0


class FaultPlan(_Plan):
    """What goes wrong on purpose. `duplicate`: share of records sent twice. `crash`: share of dos after whose commit the process dies.

    `crash_before`: share of dos whose process dies just before that commit, for example between a call outside and its record.
    """

    seed: int = 0
    lose: tuple[Lose, ...] = ()
    duplicate: Share = 0.0
    delay: Delay = Delay()
    crash: Share = 0.0
    crash_before: Share = 0.0


class FaultyProducer:
    """A producer that loses, doubles and delays by plan. What it loses or delays it reports as acknowledged.

    Only answers are lost or late: they are asked for again. A domain event that was acknowledged and ended with this process would be lost
    for good, which no broker that keeps its word does, and the order that it tells of would never begin.
    """

    def __init__(self, producer: Producer, plan: FaultPlan) -> None:
        self._producer = producer
        self._plan = plan
        self._late: set[asyncio.Task[None]] = set()
        self.counts = {"lost": 0, "duplicated": 0, "delayed": 0}

    async def start(self) -> None:
        """Connect."""
        await self._producer.start()

    async def send(self, records: Sequence[OutboundRecord]) -> list[bool]:
        """Send what the plan lets through; True also for what it does not."""
        results = [True] * len(records)
        now: list[tuple[int, OutboundRecord]] = []
        for place, record in enumerate(records):
            now.extend((place, copy) for copy in self._copies(record))
        sent = await self._producer.send([record for _, record in now]) if now else []
        for (place, _), ok in zip(now, sent, strict=True):
            results[place] = results[place] and ok
        return results

    async def stop(self) -> None:
        """Close; what is still late is lost."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._producer.stop()

    def _copies(self, record: OutboundRecord) -> list[OutboundRecord]:
        headers = {name: value.decode() for name, value in record.headers}
        about = f"{headers.get('ce_id')} {headers.get('ce_attempt')}"
        if any(self._loses(lose, headers, record.key) for lose in self._plan.lose):
            self.counts["lost"] += 1
            return []
        if headers.get("ce_causationid") and chosen(self._plan.seed, "delay", about, self._plan.delay.share):
            self.counts["delayed"] += 1
            self._send_late(record)
            return []
        if chosen(self._plan.seed, "duplicate", about, self._plan.duplicate):
            self.counts["duplicated"] += 1
            return [record, record]
        return [record]

    def _loses(self, lose: Lose, headers: dict[str, str], key: bytes) -> bool:
        full = headers.get("ce_type", "")
        named = lose.type == full or (full.count(".") > 1 and lose.type == full.split(".")[-2])
        if not named or not headers.get("ce_causationid") or int(headers.get("ce_attempt", "1")) > lose.attempts:
            return False
        if lose.marker:
            return lose.marker.encode() in key
        return chosen(self._plan.seed, f"lose {lose.type}", headers["ce_causationid"], lose.share)

    def _send_late(self, record: OutboundRecord) -> None:
        async def later() -> None:
            await asyncio.sleep(self._plan.delay.seconds)
            await self._producer.send([record])

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def crash_by(plan: FaultPlan, die: Callable[[int], object] = os._exit) -> Callable[[str, Incoming], None]:
    """A moment for the gate: the process dies after the commit of chosen commands, before their answer is sent, or before that commit.

    Only first answers are moments, so what is delivered again after the restart does not die again after the commit. Who died before
    the commit dies again, until it is started with another plan.
    """
    shares = {"after-commit": ("crash", plan.crash), "before-commit": ("crash before", plan.crash_before)}

    def moment(name: str, command: Incoming) -> None:
        what, share = shares[name]
        if chosen(plan.seed, what, command.id, share):
            die(CRASHED)

    return moment


def chosen(seed: int, what: str, about: str, share: float) -> bool:
    """Whether this one is among the share: the same answer for the same arguments, everywhere."""
    digest = hashlib.sha256(f"{seed}\n{what}\n{about}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share
