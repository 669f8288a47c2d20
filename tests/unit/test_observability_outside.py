"""Telemetry beside others in one process: the global registry, libraries that log, errors that carry values, gauges that end."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY, generate_latest
from pydantic import BaseModel

from saga.observability import names as n
from saga.observability.logs import Libraries, Own, make_logger
from saga.observability.telemetry import Telemetry
from saga.observability.tracing import parse

CANARY = "secret-canary-4111"


class _Card(BaseModel):
    number: int


def _fail() -> Exception:
    """An error whose message and whose frames hold the canary, with a cause that does too."""
    held = CANARY
    try:
        try:
            _Card(number=held)  # type: ignore[arg-type]
        except ValueError as cause:
            raise RuntimeError(f"no card {held}") from cause
    except RuntimeError as error:
        return error
    raise AssertionError("unreachable")


@pytest.fixture
def libraries() -> Iterator[tuple[io.StringIO, logging.Logger]]:
    """What libraries log arrives in our form, until the test ends."""
    out = io.StringIO()
    forwarding = Libraries(make_logger("libraries", out=out), "info")
    forwarding.begin()
    yield out, logging.getLogger("some.library")
    forwarding.end()


def test_telemetry_leaves_the_registry_of_the_process_alone() -> None:
    telemetry = Telemetry.silent()
    telemetry.metrics.count(n.CONFLICTS)
    assert b"saga_conflicts" not in generate_latest(REGISTRY)
    assert b"saga_conflicts" in telemetry.metrics.page()[0]


def test_a_service_says_which_build_it_is_before_it_has_counted_anything() -> None:
    telemetry = Telemetry.start("saga-coordinator")
    try:
        (line,) = [line for line in telemetry.metrics.page()[0].decode().splitlines() if line.startswith("saga_build_info")]
    finally:
        telemetry.stop()
    assert 'version="' in line
    assert line.endswith(" 1.0")


def test_a_gauge_by_label_falls_to_zero_when_nothing_of_that_label_is_left() -> None:
    metrics = Telemetry.silent().metrics
    metrics.set_each(n.SAGAS_OPEN, "status", {"running": 4, "parked": 1})
    metrics.set_each(n.SAGAS_OPEN, "status", {"running": 2})
    lines = [line for line in metrics.page()[0].decode().splitlines() if line.startswith("saga_open{")]
    values = {status: line.rsplit(" ", 1)[1] for line in lines for status in ("running", "parked") if f'status="{status}"' in line}
    assert values == {"running": "2.0", "parked": "0.0"}


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_error_is_logged_by_type_and_place_and_never_by_value(form: str) -> None:
    out = io.StringIO()
    make_logger("saga", form=form, out=out).error("a loop failed", exc_info=_fail())
    assert CANARY not in out.getvalue()  # A12
    assert "RuntimeError at unit/test_observability_outside.py:" in out.getvalue()
    assert "caused by ValidationError at" in out.getvalue()


def test_the_error_at_hand_is_meant_by_exc_info_true() -> None:
    out = io.StringIO()
    try:
        raise _fail()
    except RuntimeError:
        make_logger("saga", out=out).error("a loop failed", exc_info=True)
    assert json.loads(out.getvalue())["exception"].startswith("RuntimeError at")


def test_no_value_moves_a_cursor_or_begins_a_line_on_a_console() -> None:  # A11
    out = io.StringIO()
    make_logger("saga", form="console", out=out).info("ev\r\nforged", key="\x1b[2Jx", more="a\u2028b\x85c", bad="\ud800")
    assert len(out.getvalue().splitlines()) == 1
    assert "\x1b[2J" not in out.getvalue()
    assert "\\ud800" in out.getvalue()


def test_what_a_library_logs_is_one_json_line_without_values(libraries: tuple[io.StringIO, logging.Logger]) -> None:
    out, library = libraries
    library.error("Task exception was never retrieved\nfuture: %r", CANARY, exc_info=_fail())
    (line,) = out.getvalue().splitlines()
    said = json.loads(line)
    assert (said["event"], said["library"], said["level"]) == ("Task exception was never retrieved", "some.library", "error")
    assert CANARY not in line  # A12


def test_what_a_participant_logs_is_one_json_line_at_its_level_and_can_forge_none() -> None:  # A11, A12
    out = io.StringIO()
    own = Own({"some.service"}, lambda name: make_logger(name, "info", out=out))
    own.begin()
    service = logging.getLogger("some.service.handlers")
    service.debug("too much")
    service.info("order %s\n%s", "7\r\nlevel=error", '{"level": "error"}', exc_info=_fail())
    own.end()
    logging.getLogger("some.service").info("nobody listens any more")
    (line,) = out.getvalue().splitlines()
    said = json.loads(line)
    assert (said["logger"], said["level"], said["event"].splitlines()) == (
        "some.service.handlers", "info", ["order 7", "level=error", '{"level": "error"}'],
    )  # fmt: skip
    assert said["exception"].startswith("RuntimeError at ")
    assert CANARY not in line


def test_a_library_is_heard_from_warning_on(libraries: tuple[io.StringIO, logging.Logger]) -> None:
    out, library = libraries
    library.info("chatter")
    library.warning("trouble")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["trouble"]


def test_a_library_that_formats_wrongly_cannot_break_the_log() -> None:
    out = io.StringIO()
    wrong = logging.LogRecord("some.library", logging.WARNING, "", 1, "%d records", ("not a number",), None)
    Libraries(make_logger("libraries", out=out)).emit(wrong)
    assert json.loads(out.getvalue())["event"] == "%d records"


def test_a_service_that_stopped_hears_libraries_no_more() -> None:
    before = list(logging.getLogger().handlers)
    first, second = Telemetry.start("saga-coordinator"), Telemetry.start("saga-coordinator")
    first.stop()
    second.stop()
    assert logging.getLogger().handlers == before


def test_sampling_follows_from_the_trace_id_so_chance_can_be_given() -> None:
    low = Telemetry.silent(trace_ratio=0.5, token_hex=lambda size: "01" * size).tracing
    high = Telemetry.silent(trace_ratio=0.5, token_hex=lambda size: "fe" * size).tracing
    assert low.new_saga_trace("") == f"00-{'01' * 16}-{'01' * 8}-01"
    assert high.new_saga_trace("").endswith("-00")


@pytest.mark.parametrize(("ratio", "flags"), [(0.0, "00"), (1.0, "01")])
def test_all_or_nothing_is_sampled_whatever_the_trace_id(ratio: float, flags: str) -> None:
    for token in ("ff", "01"):
        found = parse(Telemetry.silent(trace_ratio=ratio, token_hex=lambda size, token=token: token * size).tracing.new_saga_trace(""))
        assert found is not None
        assert found["flags"] == flags
