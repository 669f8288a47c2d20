"""Trace context of the span that answers: a child of the command's span; without a tracer configured, the command's own context.

OpenTelemetry's API does both: without an SDK behind it a started span carries on its parent's context.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from saga.sdk.answer import Trace
from saga.sdk.incoming import Incoming

_CONTEXT = TraceContextTextMapPropagator()


@contextmanager
def answering(command: Incoming) -> Iterator[Trace]:
    """A span around the handling of a command; gives what its answer carries. An invalid context is ignored."""
    parent = _CONTEXT.extract({"traceparent": command.traceparent, "tracestate": command.tracestate})
    tracer = trace.get_tracer("saga.sdk")
    with tracer.start_as_current_span(f"process {command.type}", context=parent, kind=SpanKind.CONSUMER) as span:
        span.set_attribute("saga.command_id", command.id)
        span.set_attribute("saga.id", command.saga_id)
        carrier: dict[str, str] = {}
        _CONTEXT.inject(carrier)
        yield Trace(carrier.get("traceparent", ""), carrier.get("tracestate", ""))
