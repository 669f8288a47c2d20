"""The payment service on a real database and a card network that is slow, silent or gone: money is held once, and taken or let go once."""

import asyncio

import pytest

from contracts.payment import AuthorizePayment, CapturePayment, VoidPayment
from saga.sdk.testing import Bench
from saga.sdk.work import Worker
from services.cards.network import Declined
from services.payment.app import sums
from services.payment.handlers import sweep_of
from tests.integration.services_bench import answers, authorized, change, eur, ledger, payments, row, sweep, work

pytestmark = pytest.mark.integration

ACCOUNT = "select balance, held from card_network.account where customer_id = 'ada'"
HOLDS = "select count(*), min(state) from card_network.hold"
CALLED = "select times from card_network.calls"
OVERDUE = "update payment set expires_at = clock_timestamp()"
AT_ONCE = "update working set claimed_until = clock_timestamp()"


def authorize(order_id: str = "1", minor: int = 4_000) -> AuthorizePayment:
    return AuthorizePayment(order_id=order_id, customer_id="ada", amount=eur(minor))


async def held(bench: Bench, order_id: str = "1", do_id: str = "do") -> CapturePayment:
    said = await authorized(bench, authorize(order_id), do_id)
    return CapturePayment(payment_id=said.body["payment_id"])


async def in_order(bench: Bench) -> bool:
    async with bench.database.reading() as db:
        return all(each.good for each in await sums(db))


async def test_authorization_is_work_that_the_network_knows_by_the_commands_id(postgres_dsn: str) -> None:
    async with payments(postgres_dsn) as bench:
        first = await bench.do(authorize(), id="do")
        assert (first.outcome, await row(bench, HOLDS)) == ("in-progress", (0, None))
        await work(bench)

        [_, said] = await answers(bench, "do")
        assert (said.type, said.body["expires_at"][-1]) == ("PaymentAuthorized", "Z")
        assert await row(bench, "select key, reference from card_network.hold") == ("do", "1")
        assert await row(bench, ACCOUNT) == (10_000, 4_000)


async def test_payment_is_captured_here_and_the_network_is_told_afterwards(postgres_dsn: str) -> None:
    opened = payments(postgres_dsn)
    async with opened as bench:
        said = await bench.hand_in_all(bench.ask(await held(bench)))
        assert [each.type for each in said] == ["PaymentCaptured", "PaymentSettled"]
        assert await row(bench, ACCOUNT) == (10_000, 4_000)
        assert await sweep(opened, bench) == 1

        assert await row(bench, ACCOUNT) == (6_000, 0)
        assert await ledger(bench) == {"authorized": 1, "captured": 1}
        assert await in_order(bench)


async def test_payment_is_voided_by_the_id_of_its_do_alone(postgres_dsn: str) -> None:
    opened = payments(postgres_dsn)
    async with opened as bench:
        capture = await held(bench)
        assert [(await bench.undo("do", VoidPayment(order_id="1"))).outcome for _ in range(2)] == ["succeeded"] * 2
        refused = await bench.do(capture)
        await sweep(opened, bench)

        assert (refused.outcome, refused.body["reason"]) == ("refused", "not-held")
        assert await row(bench, ACCOUNT) == (10_000, 0)
        assert await ledger(bench) == {"authorized": 1, "voided": 1, "capture-refused": 1}


async def test_captured_payment_is_not_voided(postgres_dsn: str) -> None:
    opened = payments(postgres_dsn)
    async with opened as bench:
        await bench.do(await held(bench))
        assert (await bench.undo("do", VoidPayment(order_id="1"))).outcome == "refused"
        await sweep(opened, bench)
        assert await row(bench, ACCOUNT) == (6_000, 0)


async def test_account_is_never_overdrawn_by_orders_at_the_same_time(postgres_dsn: str) -> None:  # I12
    async with payments(postgres_dsn) as bench:
        await asyncio.gather(*(bench.do(authorize(str(n), 3_000), id=f"do-{n}") for n in range(12)))
        await work(bench)

        assert await ledger(bench) == {"authorized": 3, "declined": 9}
        assert await row(bench, ACCOUNT) == (10_000, 9_000)


@pytest.mark.parametrize("do_id", ["do", "do-1"])
async def test_time_out_asks_again_with_the_same_key_and_the_money_is_held_once(postgres_dsn: str, do_id: str) -> None:  # S11 I3
    async with payments(postgres_dsn, marker="1", patience=0.01) as bench:
        await bench.do(authorize(), id=do_id)
        await work(bench)
        after_time_out = await row(bench, HOLDS)
        assert len(await answers(bench, do_id)) == 1
        await change(bench, AT_ONCE)
        await work(bench)

        assert after_time_out == {"do": (0, None), "do-1": (1, "held")}[do_id]
        assert (await answers(bench, do_id))[-1].outcome == "succeeded"
        assert (await row(bench, HOLDS), await row(bench, CALLED)) == ((1, "held"), (2,))
        assert await row(bench, ACCOUNT) == (10_000, 4_000)


async def test_undo_that_comes_while_the_network_is_silent_lets_go_of_what_it_held(postgres_dsn: str) -> None:  # S1
    opened = payments(postgres_dsn, marker="1", patience=0.01)
    async with opened as bench:
        await bench.do(authorize(), id="do-1")
        await work(bench)
        assert (await bench.undo("do-1", VoidPayment(order_id="1"), id="undo")).outcome == "in-progress"
        await change(bench, AT_ONCE)
        await work(bench)
        await sweep(opened, bench)

        assert (await answers(bench, "undo"))[-1].outcome == "succeeded"
        assert (await row(bench, HOLDS), await row(bench, ACCOUNT)) == ((1, "let-go"), (10_000, 0))


class Killed(BaseException):
    """The process died here."""


async def test_death_between_the_networks_answer_and_its_record_holds_the_money_once(postgres_dsn: str) -> None:  # S11
    def die(moment: str, _command: object) -> None:
        if moment == "before-commit":
            raise Killed

    async with payments(postgres_dsn) as bench:
        await bench.do(authorize(), id="do")
        dying = Worker(bench.participant, bench.database, bench.gate, bench.sent.extend, moment=die)
        await dying.begin()
        with pytest.raises(Killed):
            await dying.settled()
        assert (await row(bench, HOLDS), await ledger(bench)) == ((1, "held"), {})
        await change(bench, AT_ONCE)
        await work(bench)

        assert (await answers(bench, "do"))[-1].outcome == "succeeded"
        assert (await row(bench, HOLDS), await ledger(bench)) == ((1, "held"), {"authorized": 1})


async def test_hold_that_is_over_is_not_captured_and_is_let_go_once(postgres_dsn: str) -> None:
    opened = payments(postgres_dsn)
    async with opened as bench:
        capture = await held(bench)
        await change(bench, OVERDUE)
        before = await bench.do(capture, id="before the sweep")
        assert await sweep(opened, bench) == 2
        after = await bench.do(capture, id="after the sweep")
        void = await bench.undo("do", VoidPayment(order_id="1"))

        assert [each.body["reason"] for each in (before, after)] == ["expired"] * 2
        assert (void.outcome, await sweep(opened, bench)) == ("succeeded", 0)
        assert await row(bench, ACCOUNT) == (10_000, 0)
        assert await ledger(bench) == {"authorized": 1, "capture-refused": 2, "expired": 1}


async def test_holds_end_when_the_network_says(postgres_dsn: str) -> None:
    async with payments(postgres_dsn, hold=60.0) as bench:
        await held(bench)
        left = await row(bench, "select expires_at - now() between '50 seconds' and '60 seconds' from payment")
        assert left == (True,)


class Silent:
    """A network that takes what it is told and whose answer is lost, the first time."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def authorize(self, *_: object) -> Declined:
        return Declined("closed")

    async def settle(self, key: str) -> None:
        await self.let_go(key)

    async def let_go(self, key: str) -> None:
        self.told.append(key)
        if len(self.told) == 1:
            raise ConnectionError


async def test_network_that_does_not_answer_is_told_again_and_holds_up_nobody(postgres_dsn: str) -> None:
    async with payments(postgres_dsn) as bench:
        for number in ("1", "2"):
            await held(bench, number, number)
            await bench.undo(number, VoidPayment(order_id=number))
        network = Silent()
        silent = sweep_of(network)
        for _ in range(2):
            async with bench.database.transaction() as db:
                assert await silent(db)
        await change(bench, "update payment set tell_at = clock_timestamp() where tell_at is not null")
        async with bench.database.transaction() as db:
            assert await silent(db)
            assert not await silent(db)

        assert network.told == ["1", "2", "1"]


async def test_declined_authorization_holds_nothing(postgres_dsn: str) -> None:
    async with payments(postgres_dsn, balance=10) as bench:
        said = await authorized(bench, authorize(), "do")

        assert (said.outcome, said.body) == ("refused", {"reason": "insufficient-funds"})
        assert (await bench.undo("do", VoidPayment(order_id="1"))).outcome == "nothing-to-undo"
        assert await row(bench, HOLDS) == (1, "declined")
