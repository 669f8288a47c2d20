"""The store: Postgres, and the only room that imports asyncpg. It keeps bytes and rows; what an event means is not known here.

    PostgresStore (postgres.py)
      ├─ transaction() ─> UnitOfWork (unit_of_work.py): the one transaction of a batch
      │     read_clock ─> find_keys, load, take_… ─> write: saga_key │ saga_event, outbox, saga │ held_record │ dead_letter ─> COMMIT
      └─ short statements, each its own transaction: sweeps, questions, heartbeat, replay
    pool.py      connections, one pool for the engine and one for questions; every wait has an end
    sqlstate.py  what each error of the server means to a caller: the only place that says so
    migrate.py   numbered files, applied once, refused when edited
    records.py   digests, caps and packing of records; pure, the memory store uses it too
    batch.py     what a batch with events writes in one statement
    sql/         queries/<table>.sql and batch.sql (named, each with its purpose), migrations/, schema.sql (what all migrations add up to)

If the process dies before COMMIT, nothing happened. If it dies after, the streams and pointers stand. If the answer to COMMIT is lost,
nobody knows: UnknownOutcome, and the caller decides again from the streams with a batch that writes something.

Rules of the room:
- No statement before the append locks a row that a batch writes later; every multi-row statement is sorted by primary key; sweeps lock
  with SKIP LOCKED. So two batches can wait for each other in one order only; those that write one saga at its events, before its
  row or its pointers are locked.
- A redrive alone waits for its rival's dead letters: skipping them, two runs of one filter could hand a saga its records in another order.
  It locks nothing else before the append, and burying skips what a redrive has locked.
- The append is one statement and returns what it did. Fewer rows than sent is a conflict, not an error of the server.
- Nothing relies on row locks of events: the service's role may not even take them.

Why tables are named `saga.saga_event` in the SQL and search_path is not used: a search_path is a session's state. A pooler, a login's
setting or a person's psql changes it silently, and then a query finds another table of that name.

Why the clock statement also reads the server's timeline and system identifier, in every transaction: after a failover a cached fold may
hold events that the new primary never had. Reading them once a connection would not see a server promoted behind a pooler.

Why COMMIT is sent without asyncpg's time-out: on a time-out asyncpg cancels, and a COMMIT that waits for its synchronous standby is
then visible but not replicated. We wait, and past the limit we close the socket.

Why held records tried again are updated in place when they go on waiting: insert-then-delete would lose the row, delete-then-insert
would wait for a rival that holds the same record, in the opposite order.

Why rows are sent as arrays (`unnest`) and not by COPY or executemany: one statement, one round trip, one plan, sorted by the server.
"""
