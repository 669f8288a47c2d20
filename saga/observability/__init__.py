"""What a running coordinator shows: metrics, traces, logs. Names are declared once, in `names`, each with a sentence.

    telemetry  one object a process holds: metrics, tracing, loggers; `Telemetry.silent()` for tests and one-off commands
    names      every metric and label, and the spans; printed by `saga inspect metrics`
    metrics    counters, histograms, gauges over OpenTelemetry, read at /metrics (own registry) and sent by OTLP if configured
    tracing    W3C trace context in and out; a saga's context stands in its stream, so its trace survives a crash
    logs       one JSON object a line with saga id, step and trace id, and never a payload

Why a span only when sampled: an OpenTelemetry span costs 14 µs recorded and 5 µs unsampled, and a saga has dozens; whether a trace is
sampled is decided once, at its start, and carried in the flag of its traceparent.

Why metrics once a batch: a counter costs 2 µs a call; the runtime counts in Python and reports sums.
"""
