"""Writes the schemas and records missing samples: `python -m contracts.export`. With `--check` it only says what differs."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contracts.examples import EXAMPLES
from contracts.registry import MESSAGES
from saga.messages import Message

FOLDER = Path(__file__).parent
SCHEMAS = FOLDER / "schemas"
SAMPLES = FOLDER / "samples"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema 2020-12 of a message, as a sender must obey it."""
    schema = message.model_json_schema(mode="validation")
    return {"$schema": DIALECT, "$id": f"urn:{message.message_type}", **schema}


def text_of(value: object) -> str:
    """JSON as it stands in the files: sorted and indented, so that a difference reads well."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def differences() -> Iterator[tuple[Path, str]]:
    """Every file that is missing or not what the code says, with the text that it should have; recorded samples are left alone."""
    for message_type, message in MESSAGES.items():
        path, text = SCHEMAS / f"{message_type}.json", text_of(schema_of(message))
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path, text
    for example in EXAMPLES:
        path = SAMPLES / f"{example.message_type}.json"
        if not path.exists():
            yield path, text_of(json.loads(example.body()))


def main() -> int:
    """Write what differs, or with `--check` name it and return 1."""
    found = list(differences())
    check = "--check" in sys.argv[1:]
    for path, text in found:
        sys.stdout.write(f"{'differs' if check else 'wrote'}: {path.relative_to(FOLDER)}\n")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and found else 0


if __name__ == "__main__":
    raise SystemExit(main())
