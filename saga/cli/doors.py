"""What commands open: the desk, a replica, the migrations, replay, the demonstration. A test passes doors of its own as typer's `obj`."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saga.errors import ConfigurationError

if TYPE_CHECKING:
    from saga.access.ledger import Ledger
    from saga.config import Settings
    from saga.deployment.finding import Finding
    from saga.deployment.topics import Change
    from saga.embedded.demo import DemoOptions
    from saga.embedded.dev import DevOptions
    from saga.remote.address import Address
    from saga.runtime.operations import Operations
    from saga.runtime.replay import ReplayReport
    from saga.testing.conformance import Verdict
    from saga.testing.conversation import Words


def _operations(settings: "Settings") -> "AbstractAsyncContextManager[Operations]":
    from saga.opening import operations

    return operations(settings)


def _remote(address: "Address") -> "AbstractAsyncContextManager[Operations]":
    from saga.remote.desk import remote_operations

    return remote_operations(address)


def _ledger(settings: "Settings") -> "AbstractAsyncContextManager[Ledger]":
    from saga.opening import ledger

    return ledger(settings)


async def _serve(settings: "Settings") -> None:
    from saga.replica import serve

    await serve(settings)


async def _migrate(settings: "Settings") -> Sequence[str]:
    from saga.opening import migrate

    return await migrate(settings)


async def _replay(settings: "Settings", check: bool) -> "ReplayReport":
    from saga.opening import replay

    return await replay(settings, check=check)


async def _apply_topics(settings: "Settings", dry_run: bool) -> "tuple[Sequence[Change], Sequence[Finding]]":
    from saga.examining import apply_topics

    return await apply_topics(settings, dry_run=dry_run)


async def _check_topics(settings: "Settings") -> "Sequence[Finding]":
    from saga.examining import check_topics

    return await check_topics(settings)


async def _examine(settings: "Settings") -> "Sequence[Finding]":
    from saga.examining import examine

    return await examine(settings)


async def _conformance(settings: "Settings", participant: str, words: "Sequence[Words]", patience: float) -> "Sequence[Verdict]":
    from saga.examining import conformance

    return await conformance(settings, participant, words, patience)


def _dev(options: "DevOptions") -> int:
    from saga.embedded.dev import run

    return run(options)


def _demo(options: "DemoOptions") -> int:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    from saga.embedded.demo import run

    try:
        return run(options)
    except ModuleNotFoundError as error:
        if error.name is None or not options.application.startswith(error.name):
            raise
        raise ConfigurationError(f"there is no {options.application} here: run the demonstration in a checkout of the project") from None


@dataclass(frozen=True, slots=True)
class Doors:
    """Each is opened by the command that needs it, and loads its libraries then."""

    operations: "Callable[[Settings], AbstractAsyncContextManager[Operations]]" = _operations
    remote: "Callable[[Address], AbstractAsyncContextManager[Operations]]" = _remote
    ledger: "Callable[[Settings], AbstractAsyncContextManager[Ledger]]" = _ledger
    serve: "Callable[[Settings], Coroutine[Any, Any, None]]" = _serve
    migrate: "Callable[[Settings], Coroutine[Any, Any, Sequence[str]]]" = _migrate
    replay: "Callable[[Settings, bool], Coroutine[Any, Any, ReplayReport]]" = _replay
    dev: "Callable[[DevOptions], int]" = _dev
    demo: "Callable[[DemoOptions], int]" = _demo
    apply_topics: "Callable[[Settings, bool], Coroutine[Any, Any, tuple[Sequence[Change], Sequence[Finding]]]]" = _apply_topics
    check_topics: "Callable[[Settings], Coroutine[Any, Any, Sequence[Finding]]]" = _check_topics
    examine: "Callable[[Settings], Coroutine[Any, Any, Sequence[Finding]]]" = _examine
    conformance: "Callable[[Settings, str, Sequence[Words], float], Coroutine[Any, Any, Sequence[Verdict]]]" = _conformance
