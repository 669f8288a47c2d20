"""What is told of sagas' lives: the schema and the sample that others build on."""

import json
from pathlib import Path

import jsonschema

from saga.core.lifecycle import WHATS
from saga.wire import LifecycleMessage

FOLDER = Path("contracts")
SAMPLE = json.loads((FOLDER / "lifecycle.sample.json").read_text(encoding="utf-8"))
SCHEMA = json.loads((FOLDER / "lifecycle.schema.json").read_text(encoding="utf-8"))


def test_the_recorded_sample_obeys_the_schema_and_says_the_same_again() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(SAMPLE)
    message = LifecycleMessage.model_validate(SAMPLE)
    assert message.model_dump(mode="json") == SAMPLE
    assert message.to_envelope("/saga").type == "saga.lifecycle.turned-back.v1"


def test_a_reader_ignores_what_a_later_release_adds() -> None:
    assert LifecycleMessage.model_validate({**SAMPLE, "a_field_of_a_later_release": 1}) == LifecycleMessage.model_validate(SAMPLE)


def test_the_page_names_every_change() -> None:
    page = Path("docs/lifecycle.md").read_text(encoding="utf-8")
    assert [what for what in WHATS if f"`{what}`" not in page] == []
