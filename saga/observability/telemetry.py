"""What a process holds of observability: one object, made at start, handed down as an argument."""

import importlib
import os
import platform
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import set_tracer_provider

from saga.config import release
from saga.errors import ConfigurationError
from saga.observability.logs import Libraries, Own, Threshold, make_logger, silent_logger
from saga.observability.metrics import Metrics
from saga.observability.names import BUILD_INFO
from saga.observability.tracing import TokenHex, Tracing

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Metrics, traces and logs of one process."""

    metrics: Metrics
    tracing: Tracing
    threshold: Threshold = field(default_factory=lambda: Threshold("info"))
    form: str = "json"
    quiet: bool = False
    listening: tuple[Libraries | Own, ...] = ()

    @classmethod
    def start(
        cls, service: str, *, trace_ratio: float = 0.01, level: str = "info", form: str = "json", own: Collection[str] = ()
    ) -> "Telemetry":
        """For a service. OTLP over HTTP is added when OTEL_EXPORTER_OTLP_ENDPOINT is set (extra `otlp`). What libraries log, and what the
        packages `own` say by `logging`, goes the way of our logs until `stop`."""
        resource = Resource.create({"service.name": service, "service.version": release()})
        readers, processors = _otlp() if os.environ.get(ENDPOINT) else ((), ())
        metrics = Metrics(resource, readers)
        metrics.set(BUILD_INFO, 1, version=release(), python=platform.python_version())
        threshold = Threshold(level)
        listening = (Libraries(make_logger("libraries", threshold, form)), Own(own, lambda name: make_logger(name, threshold, form)))
        for one in listening:
            one.begin()
        return cls(metrics, Tracing(resource, trace_ratio, processors), threshold, form, listening=listening)

    @classmethod
    def silent(cls, *processors: SpanProcessor, trace_ratio: float = 0.0, token_hex: TokenHex = secrets.token_hex) -> "Telemetry":
        """For tests and one-off commands: metrics and traces go nowhere (but to the given processors), logs are dropped. `token_hex`
        is where trace ids come from."""
        resource = Resource.get_empty()
        return cls(Metrics(resource), Tracing(resource, trace_ratio, processors, token_hex), quiet=True)

    def logger(self, name: str) -> Any:
        """A logger of this process."""
        return silent_logger() if self.quiet else make_logger(name, self.threshold, self.form)

    def set_level(self, level: str) -> None:
        """From now on every logger of this process writes from this level on."""
        self.threshold.level = level

    def stop(self) -> None:
        """Flush and end."""
        for one in self.listening:
            one.end()
        self.tracing.stop()
        self.metrics.stop()


def export_spans(service: str) -> Callable[[], None]:
    """For a process that makes its spans through OpenTelemetry's own API, as participants do: they go out over OTLP/HTTP when
    OTEL_EXPORTER_OTLP_ENDPOINT is set, those whose command is sampled. Call what it returns at the end, to flush."""
    if not os.environ.get(ENDPOINT):
        return lambda: None
    resource = Resource.create({"service.name": service, "service.version": release()})
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF), resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter("trace_exporter").OTLPSpanExporter()))
    set_tracer_provider(provider)
    return provider.shutdown


def _otlp() -> tuple[tuple[MetricReader, ...], tuple[SpanProcessor, ...]]:
    """Why OTEL_METRICS_EXPORTER=none is obeyed: a backend of traces refuses metrics, once a minute, for ever."""
    spans = (BatchSpanProcessor(_exporter("trace_exporter").OTLPSpanExporter()),)
    if os.environ.get("OTEL_METRICS_EXPORTER") == "none":
        return (), spans
    return (PeriodicExportingMetricReader(_exporter("metric_exporter").OTLPMetricExporter()),), spans


def _exporter(name: str) -> Any:
    try:
        return importlib.import_module(f"opentelemetry.exporter.otlp.proto.http.{name}")
    except ImportError:
        raise ConfigurationError(f"{ENDPOINT} is set: install saga-coordinator[otlp]") from None
