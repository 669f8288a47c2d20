"""The core: what happens next. Pure functions over frozen data; no await, clock, chance or I/O anywhere in this room.

    input (start, reply, tick, act) ──> decide(definition, state, input, now) ──> events
                                            │ reads                                 │
                                          state <──────── evolve(state, event) <────┘
                                            │
                                            ├── effects   which command an event sends, whether it is still wanted
                                            ├── project   status, row, due time; explain: the sentence for people
                                            └── lifecycle what is told of a saga's life

How a decision is made: a `Draft` holds the fold; the handler for the input emits events, each of which evolves the fold at once;
then `proceed` issues whatever has become ready, or undoes, or ends. Handlers of replies stand in tables (`table.py`, `undo_table.py`) by
what the step's status is and what the reply says; a pair that is not in the table changes nothing. People's acts: `acts.py`.

Rules of the room:
- evolve never reads a definition: events carry kind, dependencies, due times and retry spans, so any replica folds any saga.
- An empty decision says why (`Ignored`), because the runtime must account for every record.
- User functions run inside `building.guarded` and nowhere else; what they raise becomes BuildFailed, never an exception.

Why decide returns events only: commands and deadlines are read off events by `effects` and `project`. So replay folds and cannot
send, and what was decided and what was sent can never differ.

Why a do is never in doubt before the saga turned back: being in doubt *is* the reason to turn back, both happen in one decision;
hence no rule has to ask which came first.

Why the fold keeps the newest change of the saga's life: a record must name the change before it, and no look-up may be needed to tell.
It follows from events alone, so replicas with different settings, and a sweep after a crash, tell the same chain.

Why the undo needs are computed from the whole fold each time (`compensation.unwind`) and not remembered as a queue: a late success
changes what must be undone at any moment, also after the end; a queue would have to be mended in five places.
"""
