"""Deterministic simulation (rung L2): whole replicas of the real coordinator, over a database and a log in memory, on a clock that jumps.

    virtual.py       an event loop whose time jumps to the next timer; chance from a seed; one thread
    shapes.py        seven definitions side by side, two tenants: one order starts a saga of each
    participants.py  services by the table of wire.md, slow, lossy and repetitive; their ledger of what really happened
    people.py        who orders, and who acts on sagas by hand
    nemesis.py       what goes wrong, how often, and how often it really did
    cluster.py       replicas that start, drain, crash at any await, become zombies; their consumers and producers
    offsets.py       I11 at every commit of offsets
    checks.py        the invariants, after everything has come to rest
    calm.py          the log and the database with no fault drawn, for the conformance suites
    world.py         one seed from the first order to the verdict
    planted.py       defects that must be found

Nothing of the coordinator is replaced but its metrics: supervisor, intake, relay, deadlines, heartbeat, desk are the ones that serve. The
database and the log pass the same conformance suites as Postgres and Kafka, also with the hooks of this room on them. One seed, one trace.

Why a jumping clock and not a faster one: a minute of waiting costs nothing, so sagas may time out, back off and be parked as in life.

Why every transaction takes a microsecond: in memory nothing takes time, and two decisions at one moment would look like one.
"""
