"""Kafka: the only room that imports aiokafka. Records in and out, nothing of sagas.

    codec       records <-> CloudEvents envelopes (binary mode is written; binary and structured mode are read, equally strictly)
    headers     the rules for headers, the same for the coordinator and the participants
    options     the client settings that are not up for discussion, and those that are
    consumer    a group member: polls, commits what it is told, hands partitions over drained
    reader      reads a topic without a group, for who follows along
    unreadable  what the client cannot unpack: found, stepped over, reported, and nothing around it lost
    tolerant    batches that the client cannot unpack because of a header's name
    gaps        what was deleted before anybody read it: told at each assignment
    producer    batches on explicit partitions; thrown away after any error
    closing     ends a client within a bound, with all its tasks
    admin       looks at topics, extends them, never deletes: `saga topics`
    topics      makes topics, for demonstrations and tests

Why one producer object may hold several clients in its life: aiokafka's idempotent producer loses sequence numbers when a batch
expires and may then refuse to send for ever (hazard K6). What is stored is sent again by a new client, so nothing hangs on the old one.

Why a failed poll rewinds: the client has by then moved the positions of other partitions past records that it never gave us, and the
next commit would skip them for ever (ground rule: at least once).

Why every call has our own time-out: the client's own waits for metadata, coordinators and closing have none, or minutes.
"""
