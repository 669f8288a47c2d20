"""Does a deployment fit: its topics, its database, its settings. Judges facts that ports bring; changes nothing but topics, on request.

    topics      what the loaded definitions need of Kafka, how what is there differs, and making it so (`saga topics`)
    database    the server, the schema and the login
    fit         settings against each other and against production
    finding     one line an operator reads: level, subject, what, mend

    facts (ports.deployment) ──> judge (pure) ──> findings ──> `saga doctor`, `saga topics check`, the start of `saga serve`

Why topics are only ever extended: a topic that shrinks or is deleted takes commands, replies and starts with it that nobody has read yet.
What cannot be mended without that (a replication factor, a compacted topic's past) is said, with the command of Kafka's own that does it.

Why an existing topic's retention is never shortened and its min.insync.replicas never lowered: whoever raised them had a reason that
cannot be seen from here.

Why a strict replica refuses at its start and not later: a compacted topic, or one copy on one disk, loses commands only on the day
when something else breaks too. Then it is too late to read a warning (hazard K14). Kafka being away is no reason to refuse: the replica
waits, and checks before it reads the first record.

Why a broker that cannot be asked for a topic's settings (the embedded one) is no fault: what it cannot say cannot be wrong here, and
production's brokers can.
"""
