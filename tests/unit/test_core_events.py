"""Design 4.1 and 4.2: ids that never change, the closed list of events, and their stored form."""

import zlib
from datetime import UTC, datetime

import orjson
import pytest

from saga.core import events as e
from saga.core import upcast
from saga.core.evolve import fold
from saga.core.identity import DO, UNDO, command_id, key_bytes, key_text
from saga.core.starting import read_key
from saga.errors import ContractError
from saga.testing.inputs import started, succeeded
from saga.testing.scenario import given
from tests.unit.core_shapes import ONE, Placed

BUSINESS = ("default", "fulfil-order", "1042")
AT = datetime(2025, 3, 1, 9, 30, 0, 123000, tzinfo=UTC)


def test_a_command_id_follows_from_the_business_key_and_never_changes() -> None:
    assert command_id(BUSINESS, "authorize_payment", "", DO, 0) == "6354ea03-6b2e-50e7-82d2-d357b7f9da8b"
    assert command_id(BUSINESS, "authorize_payment", "", UNDO, 0) == "c329d438-8a50-558c-970a-3aef0b99a41b"
    assert given(ONE, started(Placed())).sent[0].command_id == command_id(("default", "tiny", "1042"), "a", "", DO, 0)


def test_every_part_of_the_identity_makes_another_command() -> None:
    parts = [
        (BUSINESS, "a", "", DO, 0),
        (("other", *BUSINESS[1:]), "a", "", DO, 0),
        (("default", "fulfil-order", "1043"), "a", "", DO, 0),
        (BUSINESS, "b", "", DO, 0),
        (BUSINESS, "a", "b", DO, 0),
        (BUSINESS, "a", "", UNDO, 0),
        (BUSINESS, "a", "", DO, 1),
        (("default", "fulfil-order/1042", ""), "a", "", DO, 0),
    ]
    assert len({command_id(*part) for part in parts}) == len(parts)


def test_the_list_of_events_is_closed() -> None:
    assert [kind.__name__ for kind in e.EVENT_TYPES] == [
        *("SagaStarted", "StepIssued", "StepResent", "StepFailed", "StepDoubted", "StepProgressed", "StepSucceeded", "StepRefused"),
        *("StepSkipped", "TurnedBack", "UndoIssued", "UndoResent", "UndoProgressed", "UndoFailed", "UndoSucceeded", "UndoRefused"),
        *("UndoParked", "UndoSkipped", "BuildFailed", "ReplyIgnored", "SagaPaused", "SagaResumed", "SagaReopened"),
        *("SagaCompleted", "SagaCompensated", "SagaCancelled"),
    ]


def test_the_stored_form_of_an_event_never_changes() -> None:
    event = e.StepSucceeded(
        at=AT, step="a", command_id="c-1", reply_type="com.example.works.Done.v1", body=b'{"note":"done"}', message_id="/works m-1"
    )
    stored = (
        b'\x00{"event":"StepSucceeded","schema":1,"at":"2025-03-01T09:30:00.123000+00:00","step":"a","command_id":"c-1",'
        b'"reply_type":"com.example.works.Done.v1","body":{"note":"done"},"message_id":"/works m-1"}'
    )
    assert upcast.encode(event) == stored
    assert upcast.decode(stored) == event


def test_every_event_comes_back_as_it_was_stored() -> None:
    for kind in e.EVENT_TYPES:
        event = _filled(kind)
        assert upcast.decode(upcast.encode(event)) == event


def test_a_compressed_event_is_read_as_well() -> None:
    stored = upcast.encode(_filled(e.StepIssued))
    assert upcast.decode(bytes((upcast.COMPRESSED,)) + zlib.compress(stored[1:])) == _filled(e.StepIssued)


@pytest.mark.parametrize(
    "data", [b"", b"\x02abc", b"\x09{}", b'\x00{"event":"Nonsense"}', b'\x00{"event":"StepIssued"}', b"\x00nope", b"\x01nope", b"\x00[]"]
)
def test_what_no_release_wrote_is_unreadable(data: bytes) -> None:
    with pytest.raises(ContractError, match="unreadable-event"):
        upcast.decode(data)


def test_an_old_shape_is_upcast_on_reading(monkeypatch: pytest.MonkeyPatch) -> None:  # S12
    def renamed(body: dict[str, object]) -> dict[str, object]:
        return {**{name: value for name, value in body.items() if name != "why"}, "cause": body["why"], "schema": 2}

    monkeypatch.setattr(upcast, "UPCASTS", {("StepDoubted", 1): renamed})
    old = b'\x00{"event":"StepDoubted","schema":1,"at":"2025-03-01T09:30:00+00:00","step":"a","why":"no-answer"}'
    assert upcast.decode(old) == e.StepDoubted(at=datetime(2025, 3, 1, 9, 30, tzinfo=UTC), step="a", cause="no-answer")


def test_a_field_that_a_newer_release_added_is_passed_over() -> None:  # S12
    stored = orjson.loads(upcast.encode(_filled(e.TurnedBack))[1:])
    assert upcast.decode(b"\x00" + orjson.dumps({**stored, "mood": "grey"})) == _filled(e.TurnedBack)


def test_versions_are_one_to_n_and_every_prefix_folds() -> None:  # I1
    events = given(ONE, started(Placed()), succeeded("a")).events
    assert [fold(events[:n]).version for n in range(len(events) + 1)] == list(range(len(events) + 1))


def test_a_record_key_of_any_bytes_survives_as_text() -> None:
    key = bytes(range(256))
    assert key_bytes(key_text(key)) == key


@pytest.mark.parametrize(("body", "code"), [(b'{"order_id":7}', "invalid-body"), (b'{"order_id":""}', "bad-key")])
def test_a_start_that_cannot_be_read_says_where_and_never_a_value(body: bytes, code: str) -> None:  # K11
    with pytest.raises(ContractError, match=code) as caught:
        read_key(ONE, body)
    assert "7" not in caught.value.detail


def _filled(kind: type[e.Event]) -> e.Event:
    samples: dict[str, object] = {
        "str": "text", "int": 7, "bool": True, "bytes": b'{"a":1}', "datetime": AT, "datetime | None": AT, "tuple[str, ...]": ("a", "b"),
    }  # fmt: skip
    return kind(**{name: samples[_plain(field.type)] for name, field in kind.__dataclass_fields__.items()})


def _plain(annotation: object) -> str:
    name = annotation.__name__ if type(annotation) is type else str(annotation)
    return name.replace("datetime.datetime", "datetime")
