"""What a process holds of observability: one object, made at start, handed down as an argument."""

import importlib
import os
import platform
import secrets
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from saga.config import release
from saga.errors import ConfigurationError
from saga.observability.logs import Libraries, make_logger, silent_logger
from saga.observability.metrics import Metrics
from saga.observability.names import BUILD_INFO
from saga.observability.tracing import TokenHex, Tracing


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Metrics, traces and logs of one process."""

    metrics: Metrics
    tracing: Tracing
    level: str = "info"
    form: str = "json"
    quiet: bool = False
    libraries: Libraries | None = None

    @classmethod
    def start(cls, service: str, *, trace_ratio: float = 0.01, level: str = "info", form: str = "json") -> "Telemetry":
        """For a service. OTLP over HTTP is added when OTEL_EXPORTER_OTLP_ENDPOINT is set (extra `otlp`). What libraries log goes the
        way of our logs until `stop`."""
        resource = Resource.create({"service.name": service, "service.version": release()})
        readers, processors = _otlp() if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else ((), ())
        metrics = Metrics(resource, readers)
        metrics.set(BUILD_INFO, 1, version=release(), python=platform.python_version())
        libraries = Libraries(make_logger("libraries", level, form), level)
        libraries.begin()
        return cls(metrics, Tracing(resource, trace_ratio, processors), level, form, libraries=libraries)

    @classmethod
    def silent(cls, *processors: SpanProcessor, trace_ratio: float = 0.0, token_hex: TokenHex = secrets.token_hex) -> "Telemetry":
        """For tests and one-off commands: metrics and traces go nowhere (but to the given processors), logs are dropped. `token_hex`
        is where trace ids come from."""
        resource = Resource.get_empty()
        return cls(Metrics(resource), Tracing(resource, trace_ratio, processors, token_hex), quiet=True)

    def logger(self, name: str) -> Any:
        """A logger of this process."""
        return silent_logger() if self.quiet else make_logger(name, self.level, self.form)

    def stop(self) -> None:
        """Flush and end."""
        if self.libraries is not None:
            self.libraries.end()
        self.tracing.stop()
        self.metrics.stop()


def _otlp() -> tuple[tuple[MetricReader, ...], tuple[SpanProcessor, ...]]:
    try:
        metric_exporter = importlib.import_module("opentelemetry.exporter.otlp.proto.http.metric_exporter").OTLPMetricExporter()
        span_exporter = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
    except ImportError:
        raise ConfigurationError("OTEL_EXPORTER_OTLP_ENDPOINT is set: install saga-coordinator[otlp]") from None
    return (PeriodicExportingMetricReader(metric_exporter),), (BatchSpanProcessor(span_exporter),)
