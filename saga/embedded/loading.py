"""Loads definitions in a process of its own and says what it found: `python -m saga.embedded.loading MODULE...` prints one JSON object.

Why a process: what a module leaves behind when it is imported cannot be taken back, and a module may end the process that imports it.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from saga.definition.registry import Registry
from saga.deployment.topics import needed
from saga.errors import DefinitionError, Fault, SagaError

LOADS_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class LoadedDefinition:
    """A definition version as loaded. `example` is a body that a start could have, as JSON."""

    name: str
    version: int
    hash: str
    example: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading the modules came to. `files` are those of the project that were read on the way, `topics`
    what the coordinator needs for the definitions."""

    definitions: tuple[LoadedDefinition, ...] = ()
    faults: tuple[Fault, ...] = ()
    files: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


async def load_apart(modules: Sequence[str], directory: Path | None = None) -> Loaded:
    """Load the modules in a fresh process that works in `directory`, or where we do. Whatever goes wrong there is a fault."""
    command = (sys.executable, "-m", "saga.embedded.loading", *modules)
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True, cwd=directory)
    try:
        async with asyncio.timeout(LOADS_WITHIN):
            out, err = await process.communicate()
    except TimeoutError:
        return _failed(modules, f"loading took longer than {LOADS_WITHIN:.0f} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return read(json.loads(out.splitlines()[-1]))
    except (ValueError, KeyError, IndexError, TypeError):
        words = err.decode(errors="replace").strip().splitlines() or ["no word"]
        return _failed(modules, f"loading ended with code {process.returncode}: {words[-1]}")


def read(said: Mapping[str, Any]) -> Loaded:
    """What `main` has printed."""
    definitions = tuple(LoadedDefinition(**one) for one in said["definitions"])
    return Loaded(definitions, tuple(Fault(**one) for one in said["faults"]), tuple(said["files"]), tuple(said["topics"]))


def main(modules: Sequence[str]) -> None:
    """Load and print."""
    registry = Registry()
    faults: list[Fault] = []
    for module in modules:
        try:
            registry.load(module)
        except DefinitionError as error:
            faults += error.faults
        except SagaError as error:
            faults.append(Fault(module, str(error), "mend the module"))
        except Exception as error:
            faults.append(Fault(_place_of(error, module), f"importing it raised {type(error).__name__}: {error}", "mend the module"))
    definitions = [
        LoadedDefinition(one.name, one.version, one.hash, json.dumps(example(one.starts_on.model_json_schema()))) for one in registry.all()
    ]
    found = Loaded(tuple(definitions), tuple(faults), project_files(Path.cwd()), needed(registry.all()))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


def project_files(directory: Path) -> tuple[str, ...]:
    """Files of loaded modules below the folder of work, without those of an environment that stands in it."""
    names = {str(file) for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))}
    here = f"{directory}/"
    return tuple(sorted(name for name in names if name.startswith(here) and "site-packages" not in name))


def example(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> Any:
    """The smallest value that a JSON Schema of pydantic's describes, roughly: what its author must mend is plain to see."""
    known = definitions if definitions is not None else schema.get("$defs", {})
    if "$ref" in schema:
        return example(known[schema["$ref"].rpartition("/")[2]], known)
    fixed = [schema[name] for name in ("const", "default") if name in schema] or schema.get("enum", ())
    if fixed:
        return fixed[0]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], known)
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            return {name: example(one, known) for name, one in schema.get("properties", {}).items() if name in required}
        case "array":
            return [example(schema.get("items", {}), known) for _ in range(max(1, schema.get("minItems", 1)))]
        case "integer" | "number":
            return max(1, schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1))
    return {"boolean": False, "null": None}.get(str(schema.get("type")), _text(schema))


def _text(schema: Mapping[str, Any]) -> str:
    known = {"date-time": "2026-01-01T12:00:00Z", "date": "2026-01-01", "uuid": "00000000-0000-4000-8000-000000000001"}
    if "^[A-Z]{3}$" in schema.get("pattern", ""):
        return "EUR"
    return known.get(schema.get("format", ""), "1".ljust(schema.get("minLength", 1), "1"))


def _place_of(error: BaseException, module: str) -> str:
    """The last line of the project that the error came through."""
    here, place, trace = f"{Path.cwd()}/", module, error.__traceback__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(here) and "site-packages" not in name and name != __file__:
            place = f"{Path(name).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _failed(modules: Sequence[str], what: str) -> Loaded:
    return Loaded(faults=(Fault(", ".join(modules), what, "mend the module and save it"),))


if __name__ == "__main__":
    main(sys.argv[1:])
