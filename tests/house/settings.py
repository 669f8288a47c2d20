"""docs/settings.md: every environment variable with its default and what it may be, from the code; `--write` writes it.

The sentences are the fields' own descriptions. Where a field has none, the sentence in the document is kept: names, defaults and limits
come from the code, the words from a person.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from saga.config import Settings
from saga.sdk.settings import ServiceSettings
from tests.house.tree import Fault, Tree

DOCUMENT = "docs/settings.md"
TABLES: tuple[tuple[str, type[BaseSettings]], ...] = (("The coordinator", Settings), ("A service built with the SDK", ServiceSettings))
INTRODUCTION = """# Settings

Spans are seconds, sizes are bytes, unless the name says otherwise. A value that cannot work ends the process with one line that names the
variable, and exit code 2. Names, defaults and limits on this page are written by `make mend` from the code, and a test compares them.

Every variable may also be given by a file. Precedence, first match:

1. an option of the command line;
2. the variable, or the file that `<VARIABLE>_FILE` names, as in `SAGA_KAFKA_PASSWORD_FILE=/run/secrets/kafka`: both at once are refused;
3. the file in the directory `SAGA_SECRETS_DIR` (`SERVICE_SECRETS_DIR`) that bears the variable's name in lower case, as in
   `saga_kafka_password`;
4. the default.

An empty variable is as good as none where a file speaks; the line break at the end of a file is no part of it. SIGHUP reads everything
again: see [security](security.md).
"""
_ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \|.*\| (?P<sentence>[^|]*?) ?\|$", re.MULTILINE)


def settings_documented(tree: Tree) -> Iterator[Fault]:
    """No variable lacks its sentence."""
    present = tree.read(DOCUMENT) if DOCUMENT in tree.files else ""
    for name, sentence in sentences(document(present)).items():
        if not sentence:
            yield Fault(DOCUMENT, f"{name} has no sentence: describe its field, or write one here")


def document(present: str) -> str:
    """The whole page, with the sentences of the page as it is."""
    kept = sentences(present)
    return "\n".join([INTRODUCTION, *(_table(title, kind, kept) for title, kind in TABLES)])


def sentences(page: str) -> dict[str, str]:
    """Variable → what the page says it is for."""
    return {row["name"]: row["sentence"].strip() for row in _ROW.finditer(page)}


def _table(title: str, kind: type[BaseSettings], kept: dict[str, str]) -> str:
    lines = [f"## {title}", "", "| variable | default | may be | what for |", "| --- | --- | --- | --- |"]
    for name, field in kind.model_fields.items():
        variable = str(field.validation_alias or f"{kind.model_config.get('env_prefix', '')}{name}".upper())
        lines.append(f"| `{variable}` | {_default(field)} | {_limits(field)} | {field.description or kept.get(variable, '')} |")
    return "\n".join([*lines, ""])


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in ("", (), {}) or not isinstance(value, str | int | float):
        return ""
    return f"`{value}`"


def _limits(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation) if choice)
    low = high = ""
    for limit in _constraints(field):
        match limit:
            case Ge(ge=value):
                low = f"from {value}"
            case Gt(gt=value):
                low = f"above {value}"
            case Le(le=value):
                high = f"to {value}"
            case Lt(lt=value):
                high = f"below {value}"
            case _:
                pass
    return " ".join(part for part in (low, high) if part) or _kind(field)


def _constraints(field: FieldInfo) -> list[Any]:
    return list(field.metadata)


def _kind(field: FieldInfo) -> str:
    if field.annotation is SecretStr:
        return "secret"
    if field.annotation is str:
        return "text"
    return "list" if get_origin(field.annotation) is tuple else "JSON"
