"""The barrier: the participant's table of keys, answers and tombstones, and the one way through it.

    record ─→ gate ─→ ┌─ one local transaction ──────────────────────────────────────────────┐
                      │ epoch (shared lock, compare) → own id answered before? → repeat      │
                      │ the row of the do: put up or locked → table.py → the service's handler│
                      │ state and remembered answer → outbox (reply, domain events)           │
                      └──────────────────────────────────────────────────────────────────────┘
           ─→ relay sends what was committed ─→ the record's offset may be committed

Tables, in the schema of the service (sql/schema.sql):
    barrier     a row per command id. The row of a do carries the state that the table of wire.md section 4 asks for; both the do and
                its undos write it, so one of two rivals waits, and who still loses rolls back and looks again
    working     what long work needs after a restart, and what its answers must echo
    outbox      records that wait to be sent, with Debezium's default column names: a service may relay by Debezium instead
    epoch       the newest `ce_epoch` per coordinator
    set_aside   records that cannot be answered, with the reason

What survives a crash: before the commit nothing happened, and Kafka delivers the command again. After the commit the answer waits in
the outbox; whoever runs the relay next sends it, with the same `ce_id`. A crash after sending sends it once more.

Why the row of a do is put up before the handler runs and not after: two copies of one command in two instances would both run the
handler, and the loser would see the winner's effect as an error of its own (a unique index, too little money) and answer `failed`.

Why an advisory lock for the epoch and not a row lock: every command would share-lock the same row, and each such pair makes Postgres
keep a multixact. The lock is shared by all commands and exclusive only while the epoch rises.

Why the refusals `undone` and `undone-before-done` are stored in the row of the do when it is undone or buried: then a repetition is
one rule (the remembered answer), and they keep their `ce_id` without a rule of their own.

Why asyncpg is imported here: the barrier is SQL; nothing else in the SDK talks to Postgres.
"""
