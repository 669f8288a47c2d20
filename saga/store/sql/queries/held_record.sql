-- hold_records: the same record again is held once
insert into saga.held_record (
    topic, partition, "offset", digest, target, saga_id, definition, definition_version, reason,
    record_key, value, headers, timestamp_ms, tenant, held_at
)
select n.*, $15
from unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::uuid[], $7::text[], $8::integer[], $9::text[],
    $10::bytea[], $11::bytea[], $12::bytea[], $13::bigint[], $14::text[]
) as n(
    topic, partition, "offset", digest, target, saga_id, definition, definition_version, reason,
    record_key, value, headers, timestamp_ms, tenant
)
order by n.topic collate "C", n.partition, n."offset", n.digest, n.target collate "C"
on conflict do nothing;

-- take_held: what can be tried again, locked until the end of the transaction
-- $1, $2: loaded versions; $4: records of unknown sagas held since before are overdue
select
    h.topic, h.partition, h."offset", h.record_key, h.value, h.headers, h.timestamp_ms, h.target,
    h.definition, h.definition_version, h.held_at, h.tenant,
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

-- list_held: by topic, partition and offset, behind the key $9 to $13
select
    named.id, h.topic, h.partition, h."offset", h.digest, h.record_key, h.value, h.headers, h.timestamp_ms, h.target,
    h.definition, h.definition_version, h.held_at, h.tenant, h.reason
from saga.held_record as h
cross join lateral (
    select sha256(
        convert_to(h.topic, 'UTF8') || '\x00'::bytea || convert_to(h.partition::text, 'UTF8') || '\x00'::bytea
        || convert_to(h."offset"::text, 'UTF8') || '\x00'::bytea || convert_to(encode(h.digest, 'hex'), 'UTF8') || '\x00'::bytea
        || convert_to(h.target, 'UTF8')
    ) as id
) as named
where h.tenant = $1
  and ($2::bytea[] is null or named.id = any($2))
  and ($3::text is null or h.target = $3 or h.definition = $3)
  and ($4::text is null or h.target = $4)
  and ($5::text is null or h.reason = $5)
  and ($6::text is null or h.topic = $6)
  and ($7::timestamptz is null or h.held_at >= $7)
  and ($8::timestamptz is null or h.held_at < $8)
  and ($9::text is null or (h.topic, h.partition, h."offset", h.digest, h.target) > ($9, $10::integer, $11::bigint, $12::bytea, $13::text))
order by h.topic, h.partition, h."offset", h.digest, h.target
limit $14;

-- take_held_now: the same, locked until the end of the transaction, without those that somebody tries at this moment
select
    named.id, h.topic, h.partition, h."offset", h.digest, h.record_key, h.value, h.headers, h.timestamp_ms, h.target,
    h.definition, h.definition_version, h.held_at, h.tenant, h.reason
from saga.held_record as h
cross join lateral (
    select sha256(
        convert_to(h.topic, 'UTF8') || '\x00'::bytea || convert_to(h.partition::text, 'UTF8') || '\x00'::bytea
        || convert_to(h."offset"::text, 'UTF8') || '\x00'::bytea || convert_to(encode(h.digest, 'hex'), 'UTF8') || '\x00'::bytea
        || convert_to(h.target, 'UTF8')
    ) as id
) as named
where h.tenant = $1
  and ($2::bytea[] is null or named.id = any($2))
  and ($3::text is null or h.target = $3 or h.definition = $3)
  and ($4::text is null or h.target = $4)
  and ($5::text is null or h.reason = $5)
  and ($6::text is null or h.topic = $6)
  and ($7::timestamptz is null or h.held_at >= $7)
  and ($8::timestamptz is null or h.held_at < $8)
  and ($9::text is null or (h.topic, h.partition, h."offset", h.digest, h.target) > ($9, $10::integer, $11::bigint, $12::bytea, $13::text))
order by h.topic, h.partition, h."offset", h.digest, h.target
limit $14
for update of h skip locked;

-- count_held_wanted: how many of those that take_held_now would take
select count(*) as count, now() as now
from saga.held_record as h
cross join lateral (
    select sha256(
        convert_to(h.topic, 'UTF8') || '\x00'::bytea || convert_to(h.partition::text, 'UTF8') || '\x00'::bytea
        || convert_to(h."offset"::text, 'UTF8') || '\x00'::bytea || convert_to(encode(h.digest, 'hex'), 'UTF8') || '\x00'::bytea
        || convert_to(h.target, 'UTF8')
    ) as id
) as named
where h.tenant = $1
  and ($2::bytea[] is null or named.id = any($2))
  and ($3::text is null or h.target = $3 or h.definition = $3)
  and ($4::text is null or h.target = $4)
  and ($5::text is null or h.reason = $5)
  and ($6::text is null or h.topic = $6)
  and ($7::timestamptz is null or h.held_at >= $7)
  and ($8::timestamptz is null or h.held_at < $8)
  and ($9::text is null or (h.topic, h.partition, h."offset", h.digest, h.target) > ($9, $10::integer, $11::bigint, $12::bytea, $13::text));
