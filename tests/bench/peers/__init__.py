"""The same orders by others, beside ours in one run: `make bench-peers`.

    dbos_orders.py  on DBOS, in an environment of its own (peers.lock): the coordinator's packages and a peer's need not agree
    __main__.py     plays A B A B on the same kinds of servers, verifies both, prints the ratios

What is like and what is not. Both keep every step before they say so: ours by events in Postgres and commands in Kafka that are fsynced one
by one, DBOS by a checkpoint in Postgres. Ours asks participants of another process over the network; the steps of DBOS are functions of its
own process that answer at once, which is the best case for it.
"""
