"""Deterministic simulation (rung L2): the real coordinator, whole replicas of it, over a database and a log in memory, on a clock that jumps.

    virtual.py       an event loop whose time jumps to the next timer; chance from a seed; one thread
    participants.py  services by the table of wire.md, slow, lossy and repetitive
    nemesis.py       what goes wrong, how often, and how often it really did
    cluster.py       replicas that start, crash, become zombies
    checks.py        the invariants, after everything has come to rest
    world.py         one seed from the first order to the verdict

Nothing of the coordinator is replaced: supervisor, intake, relay, deadlines, heartbeat, desk are the ones that serve. The database and the
log pass the same conformance suites as Postgres and Kafka. One seed, one trace hash.

Why a jumping clock and not a faster one: a minute of waiting costs nothing, so sagas may time out, back off and be parked as in life.
"""
