"""Two minutes of chaos, and that its checker sees what is wrong."""

import asyncio
import contextlib
import hashlib
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4

import orjson
import pytest

from saga.core import events as e
from services.demo.orders import DemoOrder
from tests.chaos import stalls
from tests.chaos.bank import Bank
from tests.chaos.ledgers_check import Ledgers, conserved, ended_rightly
from tests.chaos.links import Link
from tests.chaos.load import Told
from tests.chaos.observer import Seen
from tests.chaos.plan import plan
from tests.chaos.streams_check import Sagas, check_stream, out_of_order, undone_after_pivot, undone_out_of_order
from tests.chaos.wire_check import commands_of, replies_of, starts_of, told_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORDER = DemoOrder("o1", "good", "ada", (("sku-01", 1),), 750)


@pytest.mark.integration
@pytest.mark.timeout(480)
async def test_killed_frozen_and_cut_nothing_is_lost_and_nothing_happens_twice() -> None:  # K4, K5, P1, I1-I21
    command = (
        sys.executable,
        "-m",
        "tests.chaos",
        "--minutes",
        "1.2",
        "--rate",
        "5",
        "--seed",
        "5",
        "--json",
        "--faults",
        "kill,pause,broker,reset",
    )
    rung = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, words = await rung.communicate()
    assert rung.returncode == 0, words.decode()[-5_000:]
    told = orjson.loads(out.splitlines()[-1])
    assert told["sagas"] > 100
    assert (told["violations"], told["silent_faults"]) == (0, [])
    assert min(told["kills"], told["pauses"], told["broker_kills"]) >= 1


def issued(step: str, after: tuple[str, ...] = (), kind: str = "compensatable") -> e.StepIssued:
    sending = {"due_at": NOON, "answer_within_ms": 1, "attempts": 3, "first_ms": 1, "cap_ms": 1}
    return e.StepIssued(at=NOON, step=step, command_id=step, kind=kind, after=after, participant="p", type="t", body=b"{}", **sending)


def undo(step: str) -> e.UndoIssued:
    sending = {"due_at": NOON, "answer_within_ms": 1, "first_ms": 1, "cap_ms": 1}
    return e.UndoIssued(
        at=NOON, step=step, command_id=f"undo {step}", kind="undo", undoes=step, participant="p", type="t", body=b"{}", **sending
    )


def succeeded(step: str) -> e.StepSucceeded:
    return e.StepSucceeded(at=NOON, step=step, command_id=step, reply_type="t", body=b"{}", message_id="m")


def undone(step: str) -> e.UndoSucceeded:
    return e.UndoSucceeded(at=NOON, step=step, command_id=f"undo {step}", effect=True, message_id="m")


TURNED = e.TurnedBack(at=NOON, cause="cancelled")


def test_a_step_before_what_it_needs_is_seen() -> None:  # I5
    assert not list(out_of_order([issued("a"), succeeded("a"), issued("b", ("a",))]))
    assert list(out_of_order([issued("a"), issued("b", ("a",))]))
    assert list(out_of_order([issued("a"), TURNED, issued("b")]))
    assert list(out_of_order([issued("a"), undo("a")]))


def test_an_undo_after_the_pivot_or_out_of_order_is_seen() -> None:  # I6, I7
    there = [issued("a"), succeeded("a"), issued("b", ("a",), "pivot"), succeeded("b")]
    assert list(undone_after_pivot([*there, TURNED, undo("a")]))
    both = [issued("a"), succeeded("a"), issued("b", ("a",)), succeeded("b"), TURNED]
    assert not list(undone_out_of_order([*both, undo("b"), undone("b"), undo("a")]))
    assert list(undone_out_of_order([*both, undo("b"), undo("a"), undone("b")]))


def test_a_gap_a_saga_that_hangs_and_a_row_that_lies_are_seen() -> None:  # I1, I2, I8
    start = e.SagaStarted(
        at=NOON,
        tenant="default",
        definition="d",
        definition_version=1,
        definition_hash="h",
        key="o1",
        partition_key="o1",
        input_id="i",
        type="t",
        body=b"{}",
        body_hash="h",
    )
    broken = {name for name, _ in check_stream(uuid4(), [(1, start), (2, issued("a"))], None, Sagas())}
    assert broken == {"I2", "I8"}
    assert [name for name, _ in check_stream(uuid4(), [(1, start), (3, issued("a"))], None, Sagas())] == ["I1"]


def test_a_command_that_was_never_sent_changed_or_invented_is_seen() -> None:  # I4
    sagas = Sagas(issued={"c1": (b"{}", "payment", "o1")}, answered={"c1": {"succeeded"}})
    good = Seen(commands={"c1": {hashlib.sha256(b"{}").digest()}})
    assert not list(commands_of(sagas, good, Ledgers()))
    for bad in (Seen(), Seen(commands={"c1": {b"other"}}), Seen(commands={**good.commands, "c2": {b""}})):
        assert list(commands_of(sagas, bad, Ledgers()))


def test_a_reply_or_a_start_without_a_trace_is_seen() -> None:  # I10, I13
    sagas = Sagas(issued={"c1": (b"{}", "payment", "o1")}, keys={"o1": [uuid4()]})
    seen = Seen(replies={("c1", "succeeded"): "r1"}, starts={"o1", "o2"})
    assert list(replies_of(sagas, seen, []))
    assert not list(replies_of(sagas, seen, [b"ce_causationid c1"]))
    assert [name for name, _ in starts_of(sagas, seen, Told(started={"o3": NOON}), [])] == ["I13", "I10"]
    assert list(starts_of(Sagas(keys={"o1": [uuid4(), uuid4()]}), Seen(), Told(), []))


def test_a_change_that_was_not_told_is_seen() -> None:  # I18
    assert list(told_of(Sagas(told={"s": {1, 4}}), Seen(told={"s": {1}})))
    assert list(told_of(Sagas(told={"s": {1}}), Seen(told={"s": {1, 2}})))
    assert not list(told_of(Sagas(told={"s": {1, 4}}), Seen(told={"s": {1, 4}})))


def test_money_without_goods_and_goods_without_money_are_seen() -> None:  # I6, I12
    sagas = Sagas(status={"o1": "completed"}, dos={"o1": {"capture": "c1"}})
    done = Counter({"accepted": 1, "confirmed": 1, "authorized": 1, "captured": 1, "label": 1})
    card = {"reference": "o1", "state": "taken", "amount": 750}
    stock = {"warehouse": "north", "sku": "sku-01", "on_hand": 4, "reserved": 0, "shipped": 1}
    at_first = {"north": {"sku-01": 5}}
    good = Ledgers(effects={"o1": done}, barriers={"c1": "succeeded"}, captured={"o1": 750}, cards=[card], stock=[stock])
    assert not [*ended_rightly("o1", sagas, good), *conserved(sagas, good, {"o1": ORDER}, at_first)]
    assert list(ended_rightly("o1", sagas, Ledgers(effects={"o1": done + Counter({"captured": 1})}, barriers=good.barriers)))
    for change in ({"captured": {"o1": 700}}, {"cards": []}, {"stock": [{**stock, "shipped": 2, "on_hand": 3}]}):
        assert list(conserved(sagas, Ledgers(**{**vars(good), **change}), {"o1": ORDER}, at_first))


def test_an_undone_saga_whose_effect_stays_is_seen() -> None:  # I6
    sagas = Sagas(status={"o1": "compensated"}, dos={"o1": {"reserve": "c1"}})
    assert list(ended_rightly("o1", sagas, Ledgers(effects={"o1": Counter({"reserved": 2})}, barriers={"c1": "undone"})))
    assert list(ended_rightly("o1", sagas, Ledgers(barriers={"c1": "succeeded"})))
    assert list(ended_rightly("o1", sagas, Ledgers()))
    assert not list(ended_rightly("o1", sagas, Ledgers(barriers={"c1": "tombstone"})))


def test_the_same_seed_asks_for_the_same_faults_and_each_comes_once_first() -> None:  # I21
    weights = {"kill": 5, "pause": 1, "broker": 1}
    drawn = list(islice(plan(3, weights), 20))
    assert drawn == list(islice(plan(3, weights), 20))
    assert {name for _, name, _ in drawn[:3]} == set(weights)
    assert Bank(20, 3).orders == Bank(20, 3).orders


def test_a_stall_is_the_silence_of_one_partition() -> None:
    keys = [f"order-{number}" for number in range(40)]
    quiet = {key for key in keys if stalls.group_of(key) == 0}
    moments = [(second / 10, key) for second in range(600) for key in keys if key not in quiet or not 100 < second < 150]
    found = stalls.stalls(moments, [(10.05, "kill"), (30.0, "pause")], until=60.0)
    assert found["kill"] == [pytest.approx(4.95)]
    assert found["pause"][0] < 0.2


async def test_a_link_keeps_back_delays_and_resets() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while data := await reader.read(100):
                writer.write(data)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    link = Link(server.sockets[0].getsockname()[1])
    await link.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(b"one")
    assert await reader.read(10) == b"one"
    link.silence()
    writer.write(b"two")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(10), timedelta(milliseconds=200).total_seconds())
    link.speak()
    assert await reader.read(10) == b"two"
    assert (link.touched > 0, link.reset()) == (True, 1)
    with pytest.raises(ConnectionError):
        await reader.readexactly(1)
    writer.close()
    await link.stop()
    server.close()
