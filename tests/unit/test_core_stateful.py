"""L2: random histories of two replicas, their participants and a bad network, on the pure core. `SAGA_MODEL_RUNS` runs more of them."""

import os
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from saga.core.inputs import Cancel, Doubt, Fence, Pause, Resume, RetryByHand, Skip, Tick
from saga.core.project import status_of
from tests.explore.shapes import brisk
from tests.unit.core_replicas import APPENDED, NEVER, SENT, Replicas
from tests.unit.core_shapes import DIAMOND, FENCED, SHOP, TWO, WITH_PIVOT

RUNS = int(os.environ.get("SAGA_MODEL_RUNS", "25"))
REPLICA = st.integers(0, 1)
CRASH = st.sampled_from((NEVER, NEVER, NEVER, APPENDED, SENT))
ANY = st.integers(0, 1000)
ACTS = (Cancel, RetryByHand, Skip, Pause, Pause, Resume, Doubt, Fence)


class Coordinator(RuleBasedStateMachine):
    """What may happen to one saga, in any order."""

    world: Replicas

    @initialize(definition=st.sampled_from((SHOP, WITH_PIVOT, DIAMOND, FENCED, TWO)), attempts=st.integers(1, 3))
    def begin(self, definition: object, attempts: int) -> None:
        self.world = Replicas(brisk(definition, attempts))  # type: ignore[arg-type]
        self.requests = 0

    @precondition(lambda self: self.world.commands)
    @rule(which=ANY, choice=ANY, copy=st.booleans())
    def deliver_command(self, which: int, choice: int, copy: bool) -> None:
        commands = self.world.commands
        command = commands[which % len(commands)] if copy else commands.pop(which % len(commands))
        self.world.deliver(command, choice)

    @precondition(lambda self: self.world.replies)
    @rule(which=ANY, replica=REPLICA, crash=CRASH, copy=st.booleans())
    def deliver_reply(self, which: int, replica: int, crash: str, copy: bool) -> None:
        replies = self.world.replies
        reply = replies[which % len(replies)]
        if self.world.hear(replica, reply, crash) and not copy:
            replies.remove(reply)

    @precondition(lambda self: self.world.commands or self.world.replies)
    @rule(which=ANY)
    def lose(self, which: int) -> None:
        lost = self.world.commands if self.world.commands else self.world.replies
        lost.pop(which % len(lost))

    @rule(replica=REPLICA, crash=CRASH, seconds=st.sampled_from((0, 1, 5, 11, 21, 60, 1000)))
    def time_passes(self, replica: int, crash: str, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)
        self.world.hear(replica, Tick(), crash)

    @rule(succeed=st.booleans())
    def long_work_ends(self, succeed: bool) -> None:
        self.world.finish_work(succeed=succeed)

    @precondition(lambda self: self.world.pointers)
    @rule()
    def sweep(self) -> None:
        self.world.sweep()

    @precondition(lambda self: self.requests < 3)
    @rule(
        replica=REPLICA,
        crash=CRASH,
        what=st.sampled_from(ACTS),
        which=ANY,
        twice=st.booleans(),
    )
    def a_person_acts(self, replica: int, crash: str, what: type, which: int, twice: bool) -> None:
        self.requests += 1
        names = list(self.world.definition.steps)
        about = {} if what in (Cancel, Pause, Resume) else {"step": names[which % len(names)]}
        act = what(actor="ada", reason="because", input_id=f"act-{self.requests}", **about)
        for _ in range(1 + twice):
            self.world.hear(replica, act, crash)

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.check_again()
            self.world.heal()
            assert status_of(self.world.state) in ("completed", "compensated", "cancelled", "parked")  # I2
            self.world.check()
            self.world.check_end()


TestCoordinator = Coordinator.TestCase
TestCoordinator.settings = settings(
    max_examples=RUNS,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_a_stale_replica_decides_again_before_its_empty_decision_is_final() -> None:  # P5
    world = Replicas(brisk(TWO))
    world.caches[1] = world.state
    world.deliver(world.commands.pop(), 0)
    world.hear(0, world.replies[0], NEVER)
    world.deliver(world.commands.pop(), 0)
    assert world.hear(1, world.replies[1], NEVER)  # to this replica's fold the reply is to an unknown command
    assert world.stale == 1
    assert world.state.ended == "completed"
