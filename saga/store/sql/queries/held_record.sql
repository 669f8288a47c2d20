-- hold_records: the same record again is held once
insert into saga.held_record (
    topic, partition, "offset", digest, target, saga_id, definition, definition_version, reason,
    record_key, value, headers, timestamp_ms, held_at
)
select n.*, $14
from unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::uuid[], $7::text[], $8::integer[], $9::text[],
    $10::bytea[], $11::bytea[], $12::bytea[], $13::bigint[]
) as n(topic, partition, "offset", digest, target, saga_id, definition, definition_version, reason, record_key, value, headers, timestamp_ms)
order by n.topic collate "C", n.partition, n."offset", n.digest, n.target collate "C"
on conflict do nothing;

-- take_held: what can be tried again, locked until the end of the transaction
-- $1, $2: loaded versions; $4: records of unknown sagas held since before are overdue
select
    h.topic, h.partition, h."offset", h.record_key, h.value, h.headers, h.timestamp_ms, h.target,
    h.definition, h.definition_version, h.held_at,
    case when h.definition = '' and not known.is then 'unknown-saga' else h.reason end as reason
from saga.held_record as h
cross join lateral (
    select exists (select from saga.saga_event as e where e.saga_id = h.saga_id and e.version = 1) as is
) as known
where (h.definition = '' and (known.is or h.held_at <= $4))
   or exists (
       select from unnest($1::text[], $2::integer[]) as loaded(definition, version)
       where loaded.definition = h.definition and loaded.version = h.definition_version
   )
order by h.held_at, h.topic, h.partition, h."offset"
limit $3
for update of h skip locked;

-- hold_again: a held record that was tried now waits for something else; since when it is held stays
update saga.held_record as h
set saga_id = n.saga_id, definition = n.definition, definition_version = n.definition_version, reason = n.reason
from unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::uuid[], $7::text[], $8::integer[], $9::text[]
) as n(topic, partition, "offset", digest, target, saga_id, definition, definition_version, reason)
where h.topic = n.topic and h.partition = n.partition and h."offset" = n."offset" and h.digest = n.digest and h.target = n.target;

-- release_held: these have been dealt with; they were locked by take_held in the same transaction
delete from saga.held_record as h
using unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[]) as n(topic, partition, "offset", digest, target)
where h.topic = n.topic and h.partition = n.partition and h."offset" = n."offset" and h.digest = n.digest and h.target = n.target;

-- count_held: how many wait
select count(*) from saga.held_record;
