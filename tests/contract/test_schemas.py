"""Schemas and samples of the contracts: no drift, and what was once recorded is read for ever."""

import json
from pathlib import Path

import jsonschema
import pytest

from contracts.examples import EXAMPLES
from contracts.export import SAMPLES, SCHEMAS, differences, schema_of
from contracts.registry import MESSAGES
from saga.messages import Message

RECORDED = sorted(SAMPLES.glob("*.json"))


def test_files_are_what_the_code_says() -> None:
    assert [path.name for path, _ in differences()] == []


def test_every_message_has_a_schema_a_sample_and_an_example_and_no_file_is_left_over() -> None:
    types = set(MESSAGES)
    assert {path.stem for path in SCHEMAS.glob("*.json")} == types
    assert {path.stem for path in RECORDED} == types
    assert {example.message_type for example in EXAMPLES} == types


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_sample_decodes_and_says_the_same_again(path: Path) -> None:
    message = MESSAGES[path.stem].model_validate_json(path.read_bytes())

    assert json.loads(message.body()) == json.loads(path.read_bytes())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_sample_obeys_its_schema(path: Path) -> None:
    schema = json.loads((SCHEMAS / path.name).read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_reader_ignores_fields_that_it_does_not_know(path: Path) -> None:
    newer = json.loads(path.read_bytes()) | {"a_field_of_a_later_release": {"x": 1}}

    assert MESSAGES[path.stem].model_validate_json(json.dumps(newer)) == MESSAGES[path.stem].model_validate_json(path.read_bytes())


def test_schema_of_a_changed_contract_differs() -> None:
    class Changed(Message):
        order_id: int

    assert schema_of(Changed) != schema_of(MESSAGES["com.example.order.OrderAccepted.v1"])
