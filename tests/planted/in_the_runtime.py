"""Defects of the loops, the store, the clients and the participant's barrier, and the test that finds each."""

from collections.abc import Sequence

from tests.planted.planted import Edit, Planted, found_by_tests

_WRITES, _ROWS, _OUTBOX = "saga/store/sql/queries/batch.sql", "saga/store/sql/queries/saga.sql", "saga/store/sql/queries/outbox.sql"
_INTAKE, _RELAY, _PLAN = "saga/runtime/intake.py", "saga/runtime/relay.py", "saga/runtime/plan.py"
_STREAMS, _BATCH, _GATE, _TABLE = "saga/store/streams.py", "saga/store/batch.py", "saga/sdk/barrier/gate.py", "saga/sdk/table.py"
_APPEND, _WROTE = "tests/conformance/test_streams_append.py", "tests/conformance/test_streams_rows.py"
_STALE = "tests/flow/test_stale_folds.py"
_RECORDS, _CRASHES, _BARRIER = (
    "tests/conformance/test_streams_records.py",
    "tests/flow/test_crashes.py",
    "tests/integration/test_participant_table.py",
)

LOOPS: Sequence[Planted] = (
    found_by_tests(
        "starts without a common version passed over",
        "a replica that stood still within its heartbeat passes over every start that it reads, and their sagas never begin",
        "flow",
        "tests/flow/test_held_for_a_version.py",
        Edit(
            "saga/runtime/routing.py",
            "            if starts_on == envelope.type:\n                routed",
            "            if starts_on == 'x':\n                routed",
        ),
    ),
    found_by_tests(
        "offset before commit",
        "the offset is committed, the database is not, the process dies: a reply is lost for good",
        "flow",
        "tests/flow/test_offsets.py::test_offsets_are_committed_after_the_database_has_committed",
        Edit(
            "saga/runtime/supervisor.py",
            "            await self._intake.records(records)\n",
            "            self._offsets.handled(records)\n            await self._offsets.commit(consumer)\n"
            "            await self._intake.records(records)\n",
        ),
    ),
    found_by_tests(
        "offset beyond a batch that failed",
        "a batch that failed is not read again, and the next one commits an offset beyond it",
        "flow",
        "tests/flow/test_offsets.py",
        Edit("saga/runtime/supervisor.py", "            consumer.seek(first_of(records))\n            raise\n", "            raise\n"),
    ),
    found_by_tests(
        "pointer deleted before the send was acknowledged",
        "the broker has not taken the command, its pointer is gone, and nobody sends it again",
        "flow",
        f"{_CRASHES}::test_a_lost_acknowledgement_sends_the_same_command_again_and_then_no_more",
        Edit(
            _RELAY,
            "self._acknowledged.update(out.pointer for out in outgoing if out.pointer not in missing)",
            "self._acknowledged.update(out.pointer for out in outgoing if missing or True)",
        ),
    ),
    found_by_tests(
        "memory of a zombie is sent",
        "a replica that was stopped for a minute sends what others took over long ago",
        "flow",
        f"{_CRASHES}::test_memory_older_than_its_claim_is_not_sent",
        Edit(_RELAY, "for until, out in waiting if until > now]", "for until, out in waiting if until > now or out]"),
    ),
    found_by_tests(
        "fold kept before its commit",
        "the commit fails, others append as many events, and the fold of what never happened swallows a reply",
        "flow",
        f"{_STALE}::test_after_a_commit_that_failed_a_reply_is_not_swallowed_by_the_fold_it_would_have_made",
        Edit(
            _INTAKE,
            "                    await tx.write(plan.batch)\n",
            "                    await tx.write(plan.batch)\n"
            "                for saga_id, state in plan.changed().items():\n                    parts.cache.put(saga_id, state)\n",
        ),
    ),
    found_by_tests(
        "cache kept after a failed batch",
        "a replica that lost a race decides on its old fold for ever",
        "flow",
        _CRASHES,
        Edit(
            _INTAKE,
            "            parts.cache.drop(conflict.sagas or {work.saga_id for work in works if work.saga_id})\n            raise\n",
            "            raise conflict\n",
        ),
    ),
    found_by_tests(
        "no proof of an unknown commit",
        "what an earlier commit has to wait for is not waited for, and a failover loses an acknowledged start",
        "flow",
        f"{_CRASHES}::test_the_batch_after_an_unknown_commit_writes_something_that_proves_the_first",
        Edit(_INTAKE, "batch.proof_of_commit = self._prove", "batch.proof_of_commit = False"),
    ),
    found_by_tests(
        "failover not noticed",
        "the server was promoted and lost a commit; a replica decides on a fold that includes it",
        "flow",
        f"{_STALE}::test_after_a_failover_a_reply_is_not_swallowed_by_a_fold_of_lost_events",
        Edit(
            _INTAKE, "            self._parts.cache.clear()\n            self._parts.relay.forget", "            self._parts.relay.forget"
        ),
    ),
    found_by_tests(
        "another body under one key",
        "two orders with one key become one saga, and the second is told that it was started",
        "flow",
        "tests/flow/test_orders.py::test_the_same_key_with_another_body_is_a_dead_letter",
        Edit(_PLAN, "if row.body_hash.hex() != given.body_hash:", "if not row.body_hash:"),
    ),
    found_by_tests(
        "reply of another tenant counts",
        "whoever knows a command id of another tenant answers it",
        "flow",
        "tests/flow/test_records.py::test_a_reply_that_names_another_tenant_is_a_dead_letter_of_that_tenant",
        Edit(
            _PLAN,
            "isinstance(work.given, ReplyInput) and work.tenant != start.tenant",
            "isinstance(work.given, ReplyInput) and not work.tenant",
        ),
    ),
    found_by_tests(
        "reply of an older epoch counts",
        "after a restore an answer of the time before is taken for one of now",
        "flow",
        "tests/flow/test_records.py::test_a_reply_of_an_older_epoch_is_counted_and_changes_nothing",
        Edit("saga/runtime/routing.py", "if reply.epoch < self._epoch:", "if reply.epoch > self._epoch:"),
    ),
    found_by_tests(
        "one saga that cannot be read stops all",
        "a stream that this release cannot read makes every batch fail",
        "flow",
        "tests/flow/test_records.py::test_a_saga_whose_events_cannot_be_read_is_quarantined_and_the_others_go_on",
        Edit("saga/runtime/folds.py", "                broken[saga_id] = error\n", "                raise error\n"),
    ),
    found_by_tests(
        "dead letter not written in the transaction",
        "a record that nobody can use is passed over without a trace",
        "conformance",
        _RECORDS,
        Edit("saga/store/unit_of_work.py", "        if batch.dead:\n", "        if batch.dead and batch.settled:\n"),
    ),
    found_by_tests(
        "consumer commits by itself",
        "the client commits what it has read, handled or not",
        "integration",
        "tests/integration/test_kafka_settings.py",
        Edit("saga/transport/consumer.py", '"enable_auto_commit": False,', '"enable_auto_commit": True,'),
    ),
)

STORED: Sequence[Planted] = (
    found_by_tests(
        "partial append committed",
        "a rival's row makes ours vanish, nobody counts, and half of a decision is in the stream",
        "conformance",
        f"{_APPEND}",
        Edit(
            _BATCH,
            "    moved = {saga_id for saga_id, version, _, _ in events if (saga_id, version) not in added}\n",
            "    moved = {saga_id for saga_id, _, _, _ in events if not added}\n",
        ),
    ),
    found_by_tests(
        "expected version ignored",
        "what a replica decided on an old fold is appended behind what another one decided",
        "conformance",
        _APPEND,
        Edit(_WRITES, "    where event.base = 0\n       or (", "    where event.base >= 0\n       or ("),
    ),
    found_by_tests(
        "check of empty decisions not read",
        "a stale replica's empty decision is final although the stream has moved on",
        "conformance",
        f"{_APPEND}",
        Edit(
            _BATCH,
            'if not row["appended"] and row["version"] != batch.checks[row["saga_id"]]}',
            'if not row["appended"] and row["version"] < 0}',
        ),
    ),
    found_by_tests(
        "two sagas for one key",
        "two replicas start the same order, and both believe that they were first",
        "conformance",
        _APPEND,
        Edit(_STREAMS, "    if len(taken) < len(keys):\n", "    if not taken and not keys:\n"),
    ),
    found_by_tests(
        "sweep without guard",
        "a due time found on an old version is written over the one that a resume has just set",
        "conformance",
        _WROTE,
        Edit(_ROWS, "      on r.saga_id = n.saga_id and r.version = n.version\n", "      on r.saga_id = n.saga_id\n"),
    ),
    found_by_tests(
        "rebuild without guard",
        "a rebuild puts back a row that live writes have overtaken",
        "conformance",
        _WROTE,
        Edit(_ROWS, "where s.version <= excluded.version\n", "where s.version <= excluded.version + 1000\n"),
    ),
    found_by_tests(
        "row goes back",
        "a slow batch writes its row over that of a newer one",
        "conformance",
        _WROTE,
        Edit(_WRITES, "where s.version < excluded.version\n", "where s.version <> excluded.version\n"),
    ),
    found_by_tests(
        "a later due time hides an earlier one",
        "the earliest deadline of a saga is forgotten when a later one is set",
        "conformance",
        _WROTE,
        Edit(_WRITES, "null else least(s.due_at, excluded.due_at) end", "null else excluded.due_at end"),
    ),
    found_by_tests(
        "paused sagas starve the sweep",
        "a thousand sagas that nobody may touch are found first, every time",
        "conformance",
        _WROTE,
        Edit(_ROWS, "  and s.status <> 'paused'\n", ""),
    ),
    found_by_tests(
        "pointer claimed while it is owned",
        "two replicas send what one of them is about to send",
        "conformance",
        _RECORDS,
        Edit(_OUTBOX, "p.claim_until <= now() and p.claim_until >", "p.created_at <= now() and p.created_at >"),
    ),
    found_by_tests(
        "claim waits for a batch",
        "a relay waits for the rows that a batch deletes, and the batch for the relay's: deadlock",
        "conformance",
        _RECORDS,
        Edit(_OUTBOX, "order by p.claim_until limit $2 for update skip locked", "order by p.claim_until limit $2"),
    ),
    found_by_tests(
        "tenant predicate missing in a list",
        "one tenant reads the sagas of all",
        "conformance",
        _WROTE,
        Edit(_ROWS, "where ($1::text is null or tenant = $1)", "where ($1::text is null or true)"),
    ),
    found_by_tests(
        "tenant predicate missing in a chain of audit",
        "one tenant reads who did what at another",
        "conformance",
        "tests/conformance/test_audit.py",
        Edit("saga/store/sql/queries/audit.sql", "where tenant = $1 and position > $2", "where $1::text is not null and position > $2"),
    ),
    found_by_tests(
        "audit row missing",
        "a person acts, and nobody can find out who",
        "conformance",
        "tests/conformance/test_audit.py",
        Edit("saga/store/unit_of_work.py", "        if batch.audit:\n", "        if batch.audit and batch.dead:\n"),
    ),
)

PARTICIPANTS: Sequence[Planted] = (
    found_by_tests(
        "inbox dedupe removed",
        "a command that comes twice is done twice",
        "participant",
        _BARRIER,
        Edit(_GATE, "        if seen.answered:\n            return await self._moves.repeat(db, command, None, None)\n", ""),
        Edit(_TABLE, "(State.SUCCEEDED, Kind.DO): Action.REPEAT,", "(State.SUCCEEDED, Kind.DO): Action.DO,"),
    ),
    found_by_tests(
        "tombstone missing",
        "an undo comes first and finds nothing, the do comes later and happens",
        "participant",
        _BARRIER,
        Edit(_TABLE, "(State.UNKNOWN, Kind.UNDO): Action.BURY,", "(State.UNKNOWN, Kind.UNDO): Action.NOTHING,"),
    ),
    found_by_tests(
        "undone twice under two ids",
        "two undos of one do give the money back twice",
        "participant",
        _BARRIER,
        Edit(_TABLE, "(State.UNDONE, Kind.UNDO): Action.AGAIN,", "(State.UNDONE, Kind.UNDO): Action.UNDO,"),
    ),
    found_by_tests(
        "fence undoes",
        "the question whether a pivot is done takes it back",
        "participant",
        _BARRIER,
        Edit(_TABLE, "(State.SUCCEEDED, Kind.FENCE): Action.KEEP,", "(State.SUCCEEDED, Kind.FENCE): Action.AGAIN,"),
    ),
    found_by_tests(
        "do that was undone says succeeded",
        "after a restore the coordinator asks again, hears that all is well, and there is nothing",
        "participant",
        _BARRIER,
        Edit(
            "saga/sdk/barrier/moves.py",
            '            _insist(await rows.mark_undone(db, command.do_id, refused(Refusal("undone"), db.now)))\n',
            "",
        ),
    ),
    found_by_tests(
        "participant believes an older epoch",
        "a command of the time before a restore is done after it",
        "participant",
        "tests/integration/test_participant_records.py",
        Edit(_GATE, "if command.epoch < seen.epoch:", "if command.epoch < 0:"),
    ),
)
