"""Counters, histograms and gauges by declared name, over OpenTelemetry, with a Prometheus registry of their own."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from saga.observability.names import ALL, Kind, Metric

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class Metrics:
    """Values by declared metric. Labels are keyword arguments; only declared ones are taken."""

    def __init__(self, resource: Resource, readers: tuple[MetricReader, ...] = ()) -> None:
        self._registry = CollectorRegistry()
        prometheus = PrometheusMetricReader(registry=self._registry, scope_info_enabled=False)
        self._provider = MeterProvider((prometheus, *readers), resource, views=_views(), shutdown_on_exit=False)
        meter = self._provider.get_meter("saga")
        self._shown: dict[str, set[str]] = {}
        self._instruments: dict[str, Any] = {}
        for metric in ALL:
            self._instruments[metric.name] = _instrument(meter, metric)

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._instruments[metric.name].add(by, _checked(metric, labels))

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """One more value of a histogram."""
        self._instruments[metric.name].record(value, _checked(metric, labels))

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """The present value of a gauge."""
        self._instruments[metric.name].set(value, _checked(metric, labels))

    def set_each(self, metric: Metric, label: str, values: Mapping[str, float]) -> None:
        """All present values of a gauge with one label. What had a value and is missing now becomes 0: a gauge keeps its last value, and
        the last parked saga that was helped must not look parked for ever."""
        shown = self._shown.setdefault(metric.name, set())
        shown.update(values)
        for value in shown:
            self.set(metric, values.get(value, 0), **{label: value})

    def page(self) -> tuple[bytes, str]:
        """What /metrics answers, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def stop(self) -> None:
        """Flush and end."""
        self._provider.shutdown()


def _checked(metric: Metric, labels: Mapping[str, str]) -> Mapping[str, str]:
    if labels.keys() != set(metric.labels):
        raise LookupError(f"{metric.name} has the labels {metric.labels}, not {tuple(labels)}")
    return labels


def _views() -> list[View]:
    return [
        View(instrument_name=metric.name, aggregation=ExplicitBucketHistogramAggregation(_SECONDS if metric.unit == "s" else _COUNTS))
        for metric in ALL
        if metric.kind is Kind.HISTOGRAM
    ]


def _instrument(meter: Meter, metric: Metric) -> Any:
    match metric.kind:
        case Kind.COUNTER:
            return meter.create_counter(metric.name, metric.unit, metric.sentence)
        case Kind.HISTOGRAM:
            return meter.create_histogram(metric.name, metric.unit, metric.sentence)
        case Kind.GAUGE:
            return meter.create_gauge(metric.name, metric.unit, metric.sentence)
