"""The participant's table (wire.md section 4) as data: what happens when a command meets the state of its do.

A command whose own id has a remembered answer never gets here: it is given that answer again. So a do that finds its own row answered
is a repetition in every state but *unknown* and *working*; the answer in the row was replaced where the table demands another one.
"""

from collections.abc import Mapping
from enum import StrEnum

from saga.sdk.incoming import Kind


class State(StrEnum):
    """The state of a do. *Unknown* is never stored: it is the absence of a row."""

    UNKNOWN = "unknown"
    WORKING = "working"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    UNDONE = "undone"
    TOMBSTONE = "tombstone"


class Action(StrEnum):
    """What the gate does."""

    DO = "do"  # run the handler: succeeded or refused, remembered; or begin its work: working
    REPEAT = "repeat"  # the remembered answer
    PROGRESS = "progress"  # in-progress; do not begin again
    WAIT = "wait"  # in-progress; the undo is handled when the work has ended
    BURY = "bury"  # tombstone, nothing-to-undo
    UNDO = "undo"  # run the undo's handler: undone, succeeded
    NOTHING = "nothing"  # nothing-to-undo
    AGAIN = "again"  # succeeded, without a second effect
    KEEP = "keep"  # a fence never undoes: refused, code `done`


TABLE: Mapping[tuple[State, Kind], Action] = {
    (State.UNKNOWN, Kind.DO): Action.DO,
    (State.UNKNOWN, Kind.UNDO): Action.BURY,
    (State.UNKNOWN, Kind.FENCE): Action.BURY,
    (State.WORKING, Kind.DO): Action.PROGRESS,
    (State.WORKING, Kind.UNDO): Action.WAIT,
    (State.WORKING, Kind.FENCE): Action.WAIT,
    (State.SUCCEEDED, Kind.DO): Action.REPEAT,
    (State.SUCCEEDED, Kind.UNDO): Action.UNDO,
    (State.SUCCEEDED, Kind.FENCE): Action.KEEP,
    (State.REFUSED, Kind.DO): Action.REPEAT,
    (State.REFUSED, Kind.UNDO): Action.NOTHING,
    (State.REFUSED, Kind.FENCE): Action.NOTHING,
    (State.UNDONE, Kind.DO): Action.REPEAT,
    (State.UNDONE, Kind.UNDO): Action.AGAIN,
    (State.UNDONE, Kind.FENCE): Action.AGAIN,
    (State.TOMBSTONE, Kind.DO): Action.REPEAT,
    (State.TOMBSTONE, Kind.UNDO): Action.NOTHING,
    (State.TOMBSTONE, Kind.FENCE): Action.NOTHING,
}
