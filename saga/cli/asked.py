"""What commands take, as dataclasses: options that several commands share are written once, and a command is a function of one argument."""
# ruff: noqa: PLC0415 - heavy libraries are loaded by the command that needs them

import getpass
import inspect
import os
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from saga.cli.answers import answering
from saga.cli.doors import Doors
from saga.cli.words import LONGEST_REASON, worded
from saga.errors import ConfigurationError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from saga.config import Settings
    from saga.runtime.operations import Operations

A = TypeVar("A", bound="Asked")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What every command takes."""

    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, for machines.")] = False


@dataclass(frozen=True, kw_only=True)
class OnDatabase(Asked):
    """What every command that opens the database takes."""

    postgres: Annotated[str, typer.Option(help="DSN of the coordinator's database, instead of SAGA_POSTGRES_DSN.")] = ""
    definitions: Annotated[str, typer.Option(help="Modules of definitions, comma-separated, instead of SAGA_DEFINITIONS.")] = ""

    def settings(self, **overrides: object) -> "Settings":
        """The settings of the environment with these options over them."""
        from saga.config import load_settings

        given = {"postgres_dsn": self.postgres, "definitions": self.definitions, **overrides}
        return load_settings(**{name: value for name, value in given.items() if value not in ("", None)})


@dataclass(frozen=True, kw_only=True)
class OnDesk(OnDatabase):
    """What every question and act takes: it goes to the database, or over REST to a replica."""

    url: Annotated[str, typer.Option(help="REST of a replica, instead of SAGA_URL; without both the database is asked.")] = ""

    def desk(self, doors: Doors) -> "AbstractAsyncContextManager[Operations]":
        """The desk at the place that was named: an option beats the environment, SAGA_URL beats the database. Nothing is connected yet."""
        from saga.remote.address import read_address

        if self.postgres and self.url:
            raise ConfigurationError("--postgres and --url name two places: give one of them")
        address = None if self.postgres else read_address(self.url, os.environ)
        return doors.remote(address) if address else doors.operations(self.settings())


@dataclass(frozen=True, kw_only=True)
class OnSaga(OnDesk):
    """What every command on one saga takes."""

    saga: Annotated[str, typer.Argument(metavar="SAGA", help="Its id, or definition:key as in fulfil-order:1042.")]


@dataclass(frozen=True, kw_only=True)
class Acting(OnDatabase):
    """What every act takes."""

    reason: Annotated[
        str, typer.Option(callback=worded(LONGEST_REASON, line=False, strip=True), help="Why; it will stand in the saga's events.")
    ]
    actor: Annotated[str, typer.Option(callback=worded(empty=True, strip=True), help="Who; your login name by default.")] = ""

    @property
    def who(self) -> str:
        """The actor as it will stand in the events."""
        try:
            return self.actor or getpass.getuser()
        except (OSError, KeyError):
            return f"uid-{os.getuid()}"


@dataclass(frozen=True, kw_only=True)
class OnAct(OnSaga, Acting):
    """What every act on one saga takes."""

    if_version: Annotated[int | None, typer.Option(min=1, help="Refuse if the saga is not at this version.")] = None


@dataclass(frozen=True, kw_only=True)
class OnStep(OnAct):
    """What every act on a step takes."""

    step: Annotated[str, typer.Option(callback=worded(), help="Name of the step.")]
    branch: Annotated[str, typer.Option(callback=worded(empty=True), help="Its branch, where the step fans out.")] = ""


def command(app: typer.Typer, name: str, kind: type[A]) -> Callable[[Callable[[A, Doors], None]], Callable[[A, Doors], None]]:
    """Register a function of (asked, doors) as a command whose options are the fields of `kind`."""

    def register(function: Callable[[A, Doors], None]) -> Callable[[A, Doors], None]:
        def run(context: typer.Context, **given: Any) -> None:
            asked = kind(**given)
            with answering(as_json=asked.as_json):
                function(asked, context.find_object(Doors) or Doors())

        hints = get_type_hints(kind, include_extras=True)
        taken = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in fields(kind)
        ]
        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        run.__signature__ = inspect.Signature([context, *taken])  # type: ignore[attr-defined]
        run.__annotations__ = {"context": typer.Context, **{field.name: hints[field.name] for field in fields(kind)}}
        run.__doc__ = function.__doc__
        app.command(name)(run)
        return function

    return register
