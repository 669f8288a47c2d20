"""The runtime: the loops that turn records, ticks and acts into inputs, and events into commands. All of it is plumbing around
one transaction; what a saga does next is decided in `core` and nowhere else.

    records ─┐                                  ┌─> cache (folds, after the commit, bounded by bytes)
    ticks   ─┼─> intake: one transaction ──commit┼─> relay: send, then delete the pointer
    acts    ─┘     load, decide, append         └─> offsets (records only)

    deadlines   reads due sagas without a lock, makes Ticks; the append fences
    relay       sends from memory; sweeps pointers whose claim has passed, of whatever owner
    replay      folds streams into rows; nothing that sends is reachable from it
    supervisor  starts the loops, backs off when a server is away, watches progress, drains on SIGTERM
    kept        held records and dead letters as works of a batch: swept, tried now, redriven, discarded
    breath      lets requests and heartbeats have their turn within a batch
    changes     wakes who waits in this process for a saga; watching uses it, following reads the lifecycle topic, chain sorts it
    operating   what people may ask and do: REST and CLI call it

What is true if the process dies: before the commit, nothing happened and the records come again; after it, the events and their
pointers stand, any replica sends them once the claim has passed, and the records come again and are found to be duplicates.

Why one lock around the transaction of a replica: two of its own batches on one saga would only conflict with each other and decide
twice. Replicas do not share it: between them the database fences, and nobody else.

Why a dead letter is settled by the transaction that decides its record, and only when nothing of it is dead any more: there is no moment in
which it is neither open nor handled. One that is dead again stays open under its new reason; one that nobody here listens to is not
touched at all, because a process without the definition would settle it as none of our business.

Why what is told of sagas' lives hangs on the pointers of their events: one event may send a command and tell of a change, and its pointer
goes when both are acknowledged. A table of its own for what is told would be a second outbox with the same sweep.

Why a revoked partition empties the whole cache: a fold does not know its partition, rebalances are rare, and a stale fold costs a
conflict, never a wrong decision, since an empty decision is checked against the stream as well.
"""
