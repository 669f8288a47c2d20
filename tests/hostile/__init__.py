"""Bad input (rung L6): a flood of hostile records and hostile calls against a real replica, and an exact account of what came of them.

    records    confluent-kafka ─> real Kafka ─> `saga serve` ─> PostgreSQL      good orders among them; honest participants answer those
    calls      raw sockets ─────────────────────> REST of the same replica      two tenants, clients that are slow, bytes that are no HTTP
               schemathesis ─> the application in memory                        everything that the document allows, or nearly allows

What is checked, and from where:

    I10    every record of every partition is named by a dead letter, a held row or an event, or was counted as ignored: the topics are read
           again by the second client, and as many records are left without a row as the counters of /metrics say, not one more or less
    fate   what is wrong in a known way ends with the reason that says so
    stall  no partition's committed offset stands still while records wait behind it; no call waits longer than its bound
    I2 I3  each good order ends as it must, by the books of its participants
    I16    no answer shows a tenant what is another's; I20: no key in an answer, nothing of a body in the log
    I19    resident memory of the replica is flat: Theil and Sen's slope over the second half, times its length, is at most 8 MiB

`planted.py` starts a replica with a defect; the tests see each one found.

Why one replica and no faults of servers: then the counters are exact. Faults are the matter of other rungs.

Why the order saga is one of our own: its spans are so long that a flood makes no step late, and an order that is declined is the only one
that may be compensated.
"""
