-- glance: the time of this transaction, the newest epoch of the source, and what is known of the command's own id
select clock_timestamp() as now,
       (select epoch from epoch where source = $2) as epoch,
       own.kind, own.answer_id is not null as answered, false as claimed
from (select 1) one left join barrier own on own.command_id = $1;

-- repeat: count the repetition and give the remembered answer as it is now
update barrier set seen = seen + 1, last_seen = $2
where command_id = $1 and answer_id is not null
returning answer_id, answer_type, answer_outcome, answer_body, answered_at;

-- claim_do: as glance, and put up the row of a do that nobody has seen; waits for a rival, and has not claimed it if the rival was first
with moment as materialized (select clock_timestamp() as now),
put as (
    insert into barrier (command_id, do_id, kind, state, type, seen, first_seen, last_seen)
    select $1, $1, 'do', 'unknown', $3, 1, now, now from moment
    on conflict (command_id) do nothing
    returning command_id
)
select moment.now, (select epoch from epoch where source = $2) as epoch,
       own.kind, own.answer_id is not null as answered, exists (select from put) as claimed
from moment left join barrier own on own.command_id = $1;

-- lock_do: the row of a do, kept from everybody else until the end
select kind, state, type, body, answer_type, answer_body from barrier where command_id = $1 for update;

-- settle_do: its state and first answer; only from the states before an answer
update barrier set state = $2, type = $3, body = $4,
       answer_id = $5, answer_type = $6, answer_outcome = $7, answer_body = $8, answered_at = $9, last_seen = $9
where command_id = $1 and state in ('unknown', 'working')
returning command_id;

-- begin_work: the do is at work from now on
update barrier set state = 'working', body = $2 where command_id = $1 and state = 'unknown' returning command_id;

-- bury: a tombstone for a do that has not come and now never may; its refusal is ready
insert into barrier (command_id, do_id, kind, state, answer_id, answer_type, answer_outcome, answer_body, answered_at, first_seen, last_seen)
values ($1, $1, 'do', 'tombstone', $2, $3, $4, $5, $6, $6, $6)
on conflict (command_id) do nothing
returning command_id;

-- mark_undone: the effect is gone; the refusal takes the place of the do's answer
update barrier set state = 'undone', answer_id = $2, answer_type = $3, answer_outcome = $4, answer_body = $5, answered_at = $6,
       last_seen = $6
where command_id = $1 and state = 'succeeded'
returning command_id;

-- settle_undo: remember the answer of an undo or a fence; no row back means that a copy was first
insert into barrier as known (command_id, do_id, kind, state, type, answer_id, answer_type, answer_outcome, answer_body, answered_at,
                              seen, first_seen, last_seen)
values ($1, $2, $3, 'answered', $4, $5, $6, $7, $8, $9, 1, $9, $9)
on conflict (command_id) do update
set state = 'answered', answer_id = excluded.answer_id, answer_type = excluded.answer_type, answer_outcome = excluded.answer_outcome,
    answer_body = excluded.answer_body, answered_at = excluded.answered_at, last_seen = excluded.last_seen
where known.answer_id is null and known.kind = excluded.kind and known.do_id = excluded.do_id
returning command_id;

-- wait_undo: an undo or a fence waits for the work of its do to end
insert into barrier as known (command_id, do_id, kind, state, type, seen, first_seen, last_seen)
values ($1, $2, $3, 'working', $4, 1, $5, $5)
on conflict (command_id) do update set seen = known.seen + 1, last_seen = excluded.last_seen
where known.answer_id is null
returning command_id;

-- count_repetition: a do that is at work was delivered again
update barrier set seen = seen + 1, last_seen = $2 where command_id = $1;

-- drop_waiting: an undo that waited is of an older epoch by now
delete from barrier where command_id = $1 and state = 'working' and kind <> 'do';

-- figures: what there is to see from outside
select (select count(*) from barrier where seen > 0) as commands,
       (select coalesce(sum(seen - 1), 0) from barrier where seen > 0) as repetitions,
       (select count(*) from barrier where state = 'tombstone') as tombstones,
       (select count(*) from working) as working,
       (select count(*) from outbox) as outbox,
       (select count(*) from set_aside) as set_aside;

-- forget: what was last seen longer ago than $1; working by no clock, succeeded by no clock if its type ($2) can be undone
delete from barrier
where last_seen < clock_timestamp() - $1::interval and state <> 'working' and not (state = 'succeeded' and type = any($2::text[]));
