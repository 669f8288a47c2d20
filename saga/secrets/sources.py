"""Where a setting comes from: its variable, a file named by <VARIABLE>_FILE, or a file in <PREFIX>SECRETS_DIR that bears its name.

A file is UTF-8 text; the line break at its end is no part of it. Faults name variables and files, never what they hold.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError

from saga.errors import ConfigurationError

LONGEST_FILE = 64 * 1024

S = TypeVar("S", bound=BaseSettings)


class Found(NamedTuple):
    """The text of a setting, and in words where it was found."""

    text: str
    where: str


class Files(EnvSettingsSource):
    """Settings out of files, decoded as if they stood in the environment."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {variable.lower(): found.text for variable, found in in_files(self.settings_cls, os.environ).items()}


def variables(kind: type[BaseSettings]) -> dict[str, str]:
    """Field → the name of its variable."""
    prefix = str(kind.model_config.get("env_prefix", ""))
    return {name: str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in kind.model_fields.items()}


def in_files(kind: type[BaseSettings], environment: Mapping[str, str]) -> dict[str, Found]:
    """Variable → what a file says of it. Raises ConfigurationError for a variable that is given twice and a file that cannot be read."""
    given = {name.upper(): value for name, value in environment.items() if value}
    names = set(variables(kind).values())
    directory = _directory(str(kind.model_config.get("env_prefix", "")), given)
    found: dict[str, Found] = {}
    for variable in sorted(names):
        pointer = f"{variable}_FILE"
        if pointer in given and pointer not in names:
            if variable in given:
                raise ConfigurationError(f"{variable} and {pointer} are both given: keep one of them")
            found[variable] = Found(_read(Path(given[pointer]), pointer), f"file {given[pointer]} ({pointer})")
        elif directory is not None and variable not in given and (path := directory / variable.lower()).is_file():
            found[variable] = Found(_read(path, variable), f"file {path}")
    return found


def origins(settings: BaseSettings, environment: Mapping[str, str], options: Mapping[str, object]) -> dict[str, str]:
    """Field → where its value came from, for people."""
    kind = type(settings)
    files, present = in_files(kind, environment), {name.upper() for name in environment}
    return {name: _origin(name, variable, options, files, present) for name, variable in variables(kind).items()}


def read(kind: type[S], options: Mapping[str, Any]) -> S:
    """Read all sources. Raises ConfigurationError naming each variable that cannot work, without its value."""
    try:
        return kind(**options)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_faults(kind, error))) from None
    except SettingsError as error:  # its text is of the library: which field, from which source
        raise ConfigurationError(f"{next(iter(str(error).splitlines()), '')}: it is no JSON") from None


def _faults(kind: type[BaseSettings], error: ValidationError) -> Iterator[str]:
    names = variables(kind)
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        said = fault["msg"].removeprefix("Value error, ")
        path = [str(part) for part in fault["loc"]]
        variable = "_".join([names.get(path[0], path[0]), *path[1:]]) if path else ""
        yield f"{variable}: {said}" if variable else said


def _origin(name: str, variable: str, options: Mapping[str, object], files: Mapping[str, Found], present: set[str]) -> str:
    if name in options:
        return "option"
    if variable in files:
        return files[variable].where
    return "environment" if variable.upper() in present else "default"


def _directory(prefix: str, given: Mapping[str, str]) -> Path | None:
    variable = f"{prefix}SECRETS_DIR"
    if variable not in given:
        return None
    path = Path(given[variable])
    if not path.is_dir():
        raise ConfigurationError(f"{variable} is no directory")
    return path


def _read(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_FILE + 1)
        text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ConfigurationError(f"{variable}: its file cannot be read ({type(error).__name__})") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{variable}: its file is no UTF-8") from None
    if not text or len(raw) > LONGEST_FILE or "\x00" in text:
        raise ConfigurationError(f"{variable}: its file is empty, longer than {LONGEST_FILE // 1024} KiB, or holds NUL")
    return text
