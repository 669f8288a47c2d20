"""`Prefer: wait=N` (RFC 7240): the answer to a start tells how it went, where that is known soon enough."""

import re
from contextlib import suppress
from time import monotonic
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request, Response

from saga.api import views
from saga.api.admitting import Who
from saga.api.asking import Desk
from saga.api.streaming import Streams
from saga.errors import Unavailable
from saga.runtime.operations import LiveOperations, Progress

LONGEST = 30
LOOK = 1.0  # seconds after which a waiting start looks whether the replica drains
_WAIT = re.compile(r'\s*wait\s*=\s*(?:"([0-9]{1,9})"|([0-9]{1,9}))\s*(?:;.*)?', re.IGNORECASE)


def preferred_wait(
    prefer: Annotated[
        list[str] | None,
        Header(alias="Prefer", description=f"`wait=N`: seconds to wait for the outcome; more than {LONGEST} are {LONGEST}"),
    ] = None,
) -> int:
    """Seconds to wait, 0 for not at all. A preference that is none of ours is ignored, as RFC 7240 says; of two, the first counts."""
    for part in ",".join(prefer or ()).split(","):
        if found := _WAIT.fullmatch(part):
            return min(int(found[1] or found[2]), LONGEST)
    return 0


class Answer:
    """The answer to a start in the making: `response` takes its headers."""

    def __init__(self, request: Request, response: Response, who: Who, desk: Desk, wait: Annotated[int, Depends(preferred_wait)]) -> None:
        self.response = response
        self._streams: Streams = request.app.state.streams
        self._desk: LiveOperations = desk
        self._tenant = who.tenant
        self._wait = wait

    async def outcome(self, saga_id: UUID) -> views.Outcome | None:
        """How far the saga is after the wait that was asked for; None where nobody asked, or too many wait already. The start has happened:
        that nobody can look just now must not make it seem as if it had not."""
        with self._streams.waiting() as free, suppress(Unavailable, LookupError):
            if self._wait and free:
                progress = await self._settled(saga_id)
                self.response.headers["Preference-Applied"] = f"wait={self._wait}"
                self.response.status_code = 201 if progress.ended else 202
                return views.Outcome.model_validate(progress)
        return None

    async def _settled(self, saga_id: UUID) -> Progress:
        """In short waits, so that a replica that drains need not break off an answer."""
        until = monotonic() + self._wait
        while True:
            left = until - monotonic()
            progress = await self._desk.live.settled(self._tenant, saga_id, max(0.0, min(LOOK, left)))
            if progress.ended or left <= LOOK or self._streams.closed:
                return progress


Answering = Annotated[Answer, Depends()]
