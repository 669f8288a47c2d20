"""One trace from the start of a saga to its end, over the records, also when another replica goes on after a crash."""

from datetime import timedelta

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from saga.observability.telemetry import Telemetry
from saga.observability.tracing import trace_id
from tests.flow.world import World

PLACED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_every_command_and_span_is_in_the_trace_that_placed_the_order_also_across_a_crash() -> None:
    exporter = InMemorySpanExporter()
    world = World(telemetry=Telemetry.silent(SimpleSpanProcessor(exporter)))
    await world.replica().intake.records([world.place(traceparent=PLACED)])
    world.telemetry = Telemetry.silent(SimpleSpanProcessor(exporter))
    survivor = world.replica()
    world.store.now += timedelta(seconds=11)
    await survivor.relay.sweep()
    await world.run(survivor)
    contexts = [dict(record.headers)["traceparent"].decode() for record in world.wire.records]
    assert len(contexts) == 6
    assert {trace_id(context) for context in contexts} == {trace_id(PLACED)}
    spans = exporter.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in spans} == {trace_id(PLACED)}
    assert [span.name for span in spans if span.name.startswith("saga ")] == ["saga fulfil-order"]
    assert {span.name for span in spans} >= {"send payment.commands", "process payment.events"}
    whole = next(span for span in spans if span.name == "saga fulfil-order")
    assert f"{whole.context.span_id:016x}" == (await world.state()).start.traceparent.split("-")[2]


async def test_a_saga_that_is_not_sampled_hands_its_context_on_and_makes_no_span() -> None:
    exporter = InMemorySpanExporter()
    world = World(telemetry=Telemetry.silent(SimpleSpanProcessor(exporter)))
    replica = world.replica()
    await replica.intake.records([world.place()])
    await world.run(replica)
    start = (await world.state()).start
    assert {dict(record.headers)["traceparent"].decode() for record in world.wire.records} == {start.traceparent}
    assert exporter.get_finished_spans() == ()
