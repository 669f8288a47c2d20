"""Traces and metrics really go out when OTEL_EXPORTER_OTLP_ENDPOINT is set."""

from collections.abc import Iterator

import pytest
from otlp_stub import Collector

from saga.observability import names
from saga.observability.telemetry import Telemetry
from saga.observability.tracing import trace_id

pytestmark = pytest.mark.integration


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.endpoint)
        yield running


def tell(telemetry: Telemetry) -> str:
    """One span and one count; the id of the trace."""
    context = telemetry.tracing.new_saga_trace("")
    with telemetry.tracing.span("send order.commands", context, {}):
        telemetry.metrics.count(names.COMMANDS_SENT)
    telemetry.stop()
    return trace_id(context)


def test_spans_and_metrics_arrive_at_the_endpoint(collector: Collector) -> None:
    trace = tell(Telemetry.start("shop", trace_ratio=1.0))
    assert collector.spans == [("shop", "send order.commands", trace)]
    assert {"saga.commands.sent", "saga.build.info"} <= collector.metrics


def test_a_saga_that_is_not_sampled_sends_no_span_and_metrics_can_be_left_out(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    tell(Telemetry.start("shop", trace_ratio=0.0))
    assert (collector.spans, collector.metrics) == ([], set())
