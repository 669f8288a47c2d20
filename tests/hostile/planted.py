"""A replica with a defect, so that the rung can be seen to find it: `SAGA_PLANTED=<names> python -m tests.hostile.planted serve`.

    leak      each record leaves its headers behind, eight times
    swallow   one record in a thousand is neither decided nor counted
    raise     a body of one kind makes the batch raise, so that its partition never goes on
    fault     REST answers 500 to one hostile value
    cross     a caller sees the sagas of all tenants
    canary    the body of a dead letter stands in the log

Only tests start it; no release holds these lines.
"""

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

from saga.api import reading
from saga.cli.app import app
from saga.ports.messaging import InboundRecord
from saga.runtime import seen
from saga.runtime.operating import Desk
from saga.runtime.routing import Router
from saga.runtime.work import Routed

_kept: list[list[Any]] = []


def _leak() -> None:
    route = Router.route

    def leaking(self: Router, record: InboundRecord) -> Routed:
        _kept.append([(name, bytes(value or b"") * 8) for name, value in record.headers])
        return route(self, record)

    Router.route = leaking  # type: ignore[method-assign]


def _swallow() -> None:
    route, count = Router.route, iter(range(1, 10**12))

    def swallowing(self: Router, record: InboundRecord) -> Routed:
        routed = route(self, record)
        return Routed() if next(count) % 1_000 == 0 and not any(work.given for work in routed.works) else routed

    Router.route = swallowing  # type: ignore[method-assign]


def _raise() -> None:
    route = Router.route

    def raising(self: Router, record: InboundRecord) -> Routed:
        if record.value is not None and b"1e400" in record.value:
            raise OverflowError("planted")
        return route(self, record)

    Router.route = raising  # type: ignore[method-assign]


def _fault() -> None:
    parse = reading.parse_body

    def faulty(raw: bytes, **options: Any) -> Any:
        if b"\\ud800" in raw:
            raise UnicodeError("planted")
        return parse(raw, **options)

    reading.parse_body = faulty


def _cross() -> None:
    async def crossing(self: Desk, _tenant: str, saga_id: UUID) -> list[bytes]:
        return await self._store.load(saga_id)

    Desk._bodies = crossing  # type: ignore[method-assign]


def _canary() -> None:
    dead = seen.Seen._dead

    def telling(self: seen.Seen, work: Any, target: str, reason: str, detail: str) -> None:
        dead(self, work, target, reason, f"{detail}: {work.record.value!r}")

    seen.Seen._dead = telling  # type: ignore[method-assign]


DEFECTS: dict[str, Callable[[], None]] = {
    "leak": _leak,
    "swallow": _swallow,
    "raise": _raise,
    "fault": _fault,
    "cross": _cross,
    "canary": _canary,
}

if __name__ == "__main__":
    for name in os.environ["SAGA_PLANTED"].split(","):
        DEFECTS[name]()
    app()
