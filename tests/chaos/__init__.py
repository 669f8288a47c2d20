"""Rung 4: a real cluster on one machine, under load, while things die.

    python -m tests.chaos --minutes 2 --seed 7 --faults kill,pause,broker,reset --json        make chaos ARGS="--minutes 60"

    three Kafka brokers (KRaft, replication 3, min.insync.replicas 2)      brokers.py
    PostgreSQL with a synchronous standby                                  pair.py
    three coordinators, four services twice each                           cluster.py
    a TCP link for every pair of coordinator and server, one for services  links.py

    load + faults ──> heal ──> quiesce (at most 60 s) ──> check
    bank.py load.py            until no saga is under way      observer.py wire_check.py   Kafka, by confluent-kafka, from offset 0
    plan.py faults.py          and nothing waits to be sent    ledgers_check.py            the services' own tables
    machine_faults.py                                          streams_check.py            the events, by rules of their own

The load is the order bank of hazards.md: 30 % of the orders start over REST at a coordinator, the others over Kafka through the order
service; 10 % are cancelled, an operator tries again what is parked, a reader looks on. Services double, delay and lose answers by plan.

One fault at a time, each over before the next begins, drawn from the seed: the same seed asks for the same faults, though not for the
same interleaving. A fault counts when it was seen to happen: bytes kept back, connections cut, a process gone (I21).

Stall: see stalls.py. In short, the longest time after a fault in which one of six partitions saw no event. `p99_stall_s` is that of
killed coordinators; `stalls` has all classes.

What is not done here. The links are proxies and not network namespaces: a new connection through a silent link is made before it is
silent. Brokers among themselves and the two Postgres have no links, they are killed, not parted. Postgres runs without fsync: processes
are killed, not the machine, so nothing is shown about power cuts. `disk` needs the right to mount a tmpfs, `clock` the library of the
Debian package libfaketime; where they are missing the run says so and ends, it does not leave them out.

What the checks excuse, and why: a command that its saga turned back from before it was sent need not be on its topic (I4); records of a
topic that was deleted are found in the participants' barriers instead (I4); what a saga that waits for a person holds is its own (I12).

Why the checker asks the fold at all (I8, I18): they are statements about the fold. Everything else is read from events, topics and ledgers.
"""
