"""Telemetry: names are declared once, traces survive, logs cannot be forged."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from saga.observability import names as n
from saga.observability.logs import make_logger
from saga.observability.telemetry import Telemetry
from saga.observability.tracing import parse, trace_id

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_every_metric_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len({metric.name for metric in n.ALL}) == len(n.ALL) > 20
    assert all(metric.name.startswith("saga.") and metric.sentence.endswith(".") for metric in n.ALL)


def test_counted_values_stand_on_the_metrics_page() -> None:
    telemetry = Telemetry.silent()
    telemetry.metrics.count(n.SAGAS_ENDED, 3, definition="fulfil-order", outcome="completed")
    telemetry.metrics.set(n.OUTBOX_POINTERS, 7)
    page, content_type = telemetry.metrics.page()
    assert content_type.startswith("text/plain")
    ended = [line for line in page.decode().splitlines() if line.startswith("saga_ended_total{")]
    assert len(ended) == 1
    assert 'outcome="completed"' in ended[0]
    assert ended[0].endswith(" 3.0")
    assert any(line.startswith("saga_outbox_pointers") and line.endswith(" 7.0") for line in page.decode().splitlines())


def test_a_label_that_was_not_declared_is_refused() -> None:
    with pytest.raises(LookupError, match=r"saga\.ended"):
        Telemetry.silent().metrics.count(n.SAGAS_ENDED, definition="x", result="completed")


def test_two_processes_of_one_interpreter_do_not_share_numbers() -> None:
    first, second = Telemetry.silent(), Telemetry.silent()
    first.metrics.count(n.CONFLICTS)
    assert b"saga_conflicts_total 1.0" in first.metrics.page()[0]
    assert b"saga_conflicts_total 1.0" not in second.metrics.page()[0]


def test_a_saga_joins_the_trace_that_led_to_it_and_keeps_its_sampling() -> None:
    made = Telemetry.silent().tracing.new_saga_trace(PARENT)
    assert trace_id(made) == trace_id(PARENT)
    assert made.endswith("-01")
    assert made != PARENT


@pytest.mark.parametrize("bad", ["", "00-xyz", PARENT.upper(), PARENT[:-1], "00-" + "0" * 32 + "-" + "1" * 16 + "-01"])
def test_an_invalid_context_is_ignored_and_a_new_trace_begins(bad: str) -> None:
    made = Telemetry.silent().tracing.new_saga_trace(bad)
    found = parse(made)
    assert found is not None
    assert found["flags"] == "00"


def test_nothing_is_recorded_for_a_trace_that_is_not_sampled() -> None:
    exporter = InMemorySpanExporter()
    tracing = Telemetry.silent(SimpleSpanProcessor(exporter)).tracing
    unsampled = PARENT[:-2] + "00"
    with tracing.span("send payment.commands", unsampled, {}) as handed_on:
        assert handed_on == unsampled
    assert exporter.get_finished_spans() == ()


def test_one_trace_from_start_to_end_also_across_a_crash() -> None:
    exporter = InMemorySpanExporter()
    before = Telemetry.silent(SimpleSpanProcessor(exporter), trace_ratio=1.0).tracing
    context = before.new_saga_trace("")
    after_the_crash = Telemetry.silent(SimpleSpanProcessor(exporter)).tracing
    with after_the_crash.span("send payment.commands", context, {"saga.step": "pay"}) as handed_on:
        pass
    started = datetime(2026, 1, 1, tzinfo=UTC)
    after_the_crash.saga_ended(context, "fulfil-order", started, started + timedelta(seconds=2), {"saga.outcome": "completed"})
    send, whole = exporter.get_finished_spans()
    assert f"{whole.context.span_id:016x}" == context.split("-")[2]
    assert send.parent is not None
    assert send.parent.span_id == whole.context.span_id
    assert {send.context.trace_id, whole.context.trace_id} == {int(trace_id(handed_on), 16)}
    assert whole.end_time - whole.start_time == 2_000_000_000


def test_a_value_cannot_forge_a_second_log_line() -> None:  # A11
    out = io.StringIO()
    make_logger("saga", out=out).info("saga ended", outcome='completed"\n{"event": "forged"}\r\n')
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["outcome"].startswith("completed")
