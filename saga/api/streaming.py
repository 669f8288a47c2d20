"""Connections that stay open: how many there may be, where a stream resumes, and when it ends (hazard A4)."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Annotated

from fastapi import Depends, Header, Request

from saga.api.admitting import Who
from saga.api.asking import MAX_VERSION
from saga.api.problems import Kind, RequestRefused, invalid

STREAM_FOR = 900.0  # seconds: then the client comes again, and the gate looks at it again
LINGER = 5.0  # seconds that the stream of an ended saga stays, for one that is reopened
WAITERS = 200
_PLACE = re.compile(r"[0-9]{1,6}\.[0-9]{1,18}(,[0-9]{1,6}\.[0-9]{1,18}){0,999}")


class Streams:
    """The streams and the waiting starts of one replica."""

    def __init__(self, most: int) -> None:
        self.closed = False
        self.stream_for = STREAM_FOR
        self.linger = LINGER
        self._most = most
        self._open: Counter[str] = Counter()
        self._waiting = 0

    @property
    def open(self) -> int:
        """How many streams are open."""
        return self._open.total()

    def close(self) -> None:
        """End them all: the replica drains."""
        self.closed = True

    @contextmanager
    def taken(self, tenant: str) -> Iterator["Lease"]:
        """A place for one stream. Raises RequestRefused where the tenant has too many."""
        if self._open[tenant] >= self._most:
            raise RequestRefused(
                Kind(429, "too-many-streams", "Too many streams"),
                f"a tenant may have {self._most} streams open at one replica",
                headers={"Retry-After": "5"},
            )
        self._open[tenant] += 1
        try:
            yield Lease(self)
        finally:
            self._open[tenant] -= 1
            if not self._open[tenant]:
                del self._open[tenant]

    @contextmanager
    def waiting(self) -> Iterator[bool]:
        """A place for one start that waits for its outcome; False where there is none: a preference may be left."""
        free = self._waiting < WAITERS and not self.closed
        self._waiting += free
        try:
            yield free
        finally:
            self._waiting -= free


class Lease:
    """One stream's right to go on."""

    def __init__(self, streams: Streams) -> None:
        self.linger = streams.linger
        self._streams = streams
        self._until = monotonic() + streams.stream_for

    @property
    def over(self) -> bool:
        """Whether the stream must end: the replica drains, or the stream has been open for long enough."""
        return self._streams.closed or monotonic() > self._until


async def lease(request: Request, who: Who) -> AsyncIterator[Lease]:
    """The place of this request's stream, given back when its connection is gone."""
    streams: Streams = request.app.state.streams
    with streams.taken(who.tenant) as taken:
        yield taken


def last_version(
    last: Annotated[str | None, Header(alias="Last-Event-ID", description="the id of the last event that was seen: a version")] = None,
) -> int:
    """The version to go on after; 0 from the beginning."""
    if last is None or last == "":
        return 0
    if not (last.isascii() and last.isdigit() and len(last) <= 10 and int(last) <= MAX_VERSION):
        raise invalid("header", "Last-Event-ID", "must be the id of an event of this stream, which is a version")
    return int(last)


def last_place(
    last: Annotated[str | None, Header(alias="Last-Event-ID", description="the id that was seen last: a place in saga.lifecycle")] = None,
) -> Mapping[int, int] | None:
    """The next offsets by partition to go on at; None from now on."""
    if last is None or last == "":
        return None
    if len(last) > 16_384 or _PLACE.fullmatch(last) is None:
        raise invalid("header", "Last-Event-ID", "must be the id of an event of this stream")
    return {int(partition): int(offset) for partition, _, offset in (part.partition(".") for part in last.split(","))}


def place_text(place: Mapping[int, int]) -> str:
    """The place as an event's id."""
    return ",".join(f"{partition}.{offset}" for partition, offset in sorted(place.items()))


Leased = Annotated[Lease, Depends(lease)]
AfterVersion = Annotated[int, Depends(last_version)]
AfterPlace = Annotated[Mapping[int, int] | None, Depends(last_place)]
