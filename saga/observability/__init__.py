"""What a running coordinator shows: metrics, traces, logs. Names are declared once, in `names`, each with a sentence.

    telemetry  one object a process holds: metrics, tracing, loggers; `Telemetry.silent()` for tests and one-off commands
    names      every metric and label, and the spans; printed by `saga inspect metrics`
    metrics    counters, histograms, gauges over OpenTelemetry, read at /metrics (own registry) and sent by OTLP if configured
    tracing    W3C trace context in and out; a saga's context stands in its stream, so its trace survives a crash
    logs       one JSON object a line with saga id, step and trace id, and never a payload

Why a span only when sampled: an OpenTelemetry span costs 14 µs recorded and 5 µs unsampled, and a saga has dozens; whether a trace is
sampled is decided once, at its start, and carried in the flag of its traceparent.

Why errors without messages: pydantic puts the value that it refused into its message, and rich shows the variables of every frame. What
is left, type and place and those of the causes, finds the line; who needs the value looks at the saga, where access is governed.

Why libraries are taken over: an unhandled error in a route or a task is logged by uvicorn or asyncio, as a bare traceback with values, to
a stream where everything else is one JSON object a line. Only `start` does it, as it is the process's and not a test's.

Why a registry of our own: the default one belongs to the process, so a second replica in it, or a test, would show the first one's numbers.

Why metrics once a batch: a counter costs 2 µs a call; the runtime counts in Python and reports sums.
"""
