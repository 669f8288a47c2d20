"""Testing: what a test of a saga, or of this coordinator, needs instead of servers. Shipped, because users test their sagas too.

    scenario.py  given, when, then on a definition: no loop, no database, no clock
    store.py     the coordinator's database in memory, with faults on demand; store_transaction.py is one open transaction of it
    conformance.py  plays the wire protocol at a participant of any language, and says which rules it keeps (`saga conformance`);
                    conversation.py is how it asks and listens

Rules of the room:
- A stand-in is trusted only as far as its conformance suite goes (tests/conformance): what is not shown there for the real thing and
  the stand-in alike is not promised.
- Time stands still until a test moves it. Nothing here sleeps, and nothing draws a random number.
- A fault is planted by name at a named point (`fail_next`), so that a test says what happens, not when.

Why the memory store never waits for a lock: on Postgres a rival waits up to `lock_timeout` and then conflicts. A stand-in that waits
would make a single-threaded simulation hang; conflicting at once is the same answer with a time-out of zero, and every caller has to
live with it anyway.

Why it stages writes and applies them at the commit: two open transactions must be able to lose against each other, and a commit must
be able to have an unknown outcome. A dictionary that is written at once can show neither.

Why the conformance kit never says "nothing came" by a clock alone: a participant may be slow. That a command is not answered is said
only after a later one on the same key was.
"""
