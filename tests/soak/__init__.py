"""Soak (rung L7): an hour of steady orders with failures, on real Kafka and PostgreSQL, with spans shortened 24 times. Does anything grow?

    world.py      the servers, the coordinator, the four services, and orders of every kind at a steady rate
    sampling.py   every few seconds, from outside: memory, threads and files of each process; tables, indexes, dead rows, connections;
                  lag of every group; what waits
    bounds.py     what may grow by how much, and the verdict (I19): Theil and Sen's slope over the second half, times its length
    trouble.py    a snapshot that is held open (P7), and a coordinator that was away while deadlines passed (S13)

What keeps histories grows with the sagas, and that is right: streams, keys, rows, the participants' books. Of those only the bytes a
saga are judged: the second half may not cost more a saga than the first. All else must be flat.

Shortened: retention of the log (an hour becomes 150 s, so that segments are deleted in the run), autovacuum's rounds, claims, held
records, reservations. Not shortened: how long participants remember (whole days; nothing of it ends within the run).

Why figures are read from /proc, PostgreSQL and Kafka and not from /metrics: the coordinator's word proves nothing about the coordinator.
"""
