"""A DSN with several hosts: a machine that is gone without a word must not keep anybody from the one that takes writes (P4)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from saga.secrets.hosts import any_host, one_by_one

TWO = "postgresql://saga:p,w@db-1:5432,db-2:5433/saga?sslmode=require"
FIRST, SECOND = "postgresql://saga:p,w@db-1:5432/saga?sslmode=require", "postgresql://saga:p,w@db-2:5433/saga?sslmode=require"


class Made:
    """A connection."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.terminated = False

    def terminate(self) -> None:
        self.terminated = True


def servers(**behaviour: Any) -> Callable[..., Any]:
    """`first` and `second`: seconds until it answers, or the error that it answers with."""

    async def connect(dsn: str, *, timeout: float, **arguments: Any) -> Made:
        what = behaviour["first" if dsn == FIRST else "second"]
        if isinstance(what, BaseException):
            raise what
        await asyncio.sleep(what)
        return Made(dsn)

    return any_host(connect)


@pytest.mark.parametrize("dsn", ["postgresql://saga@db:5432/saga", "postgresql:///saga", "not a dsn", "postgresql://db/saga?a=b,c"])
def test_a_dsn_with_one_host_is_left_as_it_is(dsn: str) -> None:
    assert one_by_one(dsn) == [dsn]


def test_a_dsn_with_two_hosts_is_one_for_each_with_all_the_rest() -> None:
    assert one_by_one(TWO) == [FIRST, SECOND]


async def test_a_host_that_says_nothing_keeps_nobody_from_the_next() -> None:  # P4
    made = await servers(first=3_600, second=0)(TWO, timeout=5)
    assert made.dsn == SECOND


async def test_a_host_that_refuses_is_left_at_once() -> None:
    async with asyncio.timeout(0.4):
        made = await servers(first=ConnectionRefusedError(), second=0)(TWO, timeout=5)
    assert made.dsn == SECOND


async def test_the_first_is_taken_when_it_answers_in_time() -> None:
    made = await servers(first=0.01, second=AssertionError("nobody asks the second"))(TWO, timeout=5)
    assert (made.dsn, made.terminated) == (FIRST, False)


async def test_what_a_server_said_is_told_before_what_a_network_said() -> None:
    with pytest.raises(ValueError, match="no such login"):
        await servers(first=ValueError("no such login"), second=ConnectionRefusedError())(TWO, timeout=5)


async def test_when_nobody_answers_the_limit_holds_for_all_of_them() -> None:
    with pytest.raises(TimeoutError):
        await servers(first=3_600, second=3_600)(TWO, timeout=0.7)
