"""W3C trace context: one trace from a saga's start to its end, over Kafka headers, also across a crash.

The context of a saga is made once, from what led to it, and stands in SagaStarted. Whoever sends a command of the saga, before a crash
or after it, starts from that context; what participants answer comes back with contexts of the same trace.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

_TRACEPARENT = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")
_ZERO = ("0" * 32, "0" * 16)

TokenHex = Callable[[int], str]  # so many random bytes, in hex


class Tracing:
    """Makes and continues traces. Spans are made only for sampled ones; for the others contexts are handed on as they are."""

    def __init__(
        self, resource: Resource, ratio: float, processors: tuple[SpanProcessor, ...] = (), token_hex: TokenHex = secrets.token_hex
    ) -> None:
        self._sampled_below = round(ratio * 2**56)
        self._token_hex = token_hex
        self._ids = _Ids()
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        for processor in processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("saga")

    def new_saga_trace(self, parent: str) -> str:
        """The context of a new saga: a child of `parent` if that is valid, with its sampling; else a trace of its own, sampled by ratio.
        The last 56 bits of its id decide, which W3C promises to be random: others who sample by ratio then choose the same traces."""
        found = parse(parent)
        if found is not None:
            return f"00-{found['trace']}-{self._token_hex(8)}-{found['flags']}"
        trace_part = self._token_hex(16)
        sampled = int(trace_part[-14:], 16) < self._sampled_below
        return f"00-{trace_part}-{self._token_hex(8)}-{'01' if sampled else '00'}"

    @contextmanager
    def span(self, name: str, parent: str, attributes: Mapping[str, str], kind: SpanKind = SpanKind.INTERNAL) -> Iterator[str]:
        """A span under `parent`; yields the context to hand on: the span's, or `parent` as it is when it is not sampled."""
        found = parse(parent)
        if found is None or not int(found["flags"], 16) & 1:
            yield parent if found is not None else ""
            return
        with self._tracer.start_as_current_span(name, _context(found), kind=kind, attributes=dict(attributes)) as span:
            yield _format(span.get_span_context())

    def saga_ended(self, traceparent: str, definition: str, started: datetime, ended: datetime, attributes: Mapping[str, str]) -> None:
        """The span of the whole saga, with the id that its commands have named as their parent since its start."""
        found = parse(traceparent)
        if found is None or not int(found["flags"], 16) & 1:
            return
        self._ids.next_span = int(found["span"], 16)
        self._ids.next_trace = int(found["trace"], 16)
        span = self._tracer.start_span(
            f"saga {definition}",
            trace.set_span_in_context(trace.INVALID_SPAN),
            start_time=_nanoseconds(started),
            attributes=dict(attributes),
        )
        span.end(_nanoseconds(ended))

    def stop(self) -> None:
        """Flush and end."""
        self._provider.shutdown()


def parse(traceparent: str) -> dict[str, str] | None:
    """The parts of a traceparent; None for an invalid one, which is ignored (wire.md section 2)."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or found["trace"] == _ZERO[0] or found["span"] == _ZERO[1]:
        return None
    return found.groupdict()


def trace_id(traceparent: str) -> str:
    """The trace id in a traceparent, or an empty string."""
    found = parse(traceparent)
    return found["trace"] if found else ""


class _Ids(IdGenerator):
    """Random ids, but for the one span whose id was promised when its saga began."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.next_span: int | None = None
        self.next_trace: int | None = None

    def generate_span_id(self) -> int:
        """The promised id, once, or a random one."""
        found, self.next_span = self.next_span, None
        return found or self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """The promised id, once, or a random one."""
        found, self.next_trace = self.next_trace, None
        return found or self._random.generate_trace_id()


def _context(found: Mapping[str, str]) -> Context:
    remote = SpanContext(int(found["trace"], 16), int(found["span"], 16), is_remote=True, trace_flags=TraceFlags(int(found["flags"], 16)))
    return trace.set_span_in_context(NonRecordingSpan(remote))


def _format(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000_000)
