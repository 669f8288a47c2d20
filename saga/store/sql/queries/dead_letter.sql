-- bury: the same record for the same target is one dead letter; one that is there is passed over without waiting for whoever writes it
insert into saga.dead_letter (
    topic, partition, "offset", digest, target, id, tenant, reason, detail, record_key, value, headers, timestamp_ms, value_bytes, dead_at
)
select n.*, $15
from unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::text[], $9::text[],
    $10::bytea[], $11::bytea[], $12::bytea[], $13::bigint[], $14::integer[]
) as n(topic, partition, "offset", digest, target, id, tenant, reason, detail, record_key, value, headers, timestamp_ms, value_bytes)
where not exists (select from saga.dead_letter as d where d.id = n.id)
order by n.topic collate "C", n.partition, n."offset", n.digest, n.target collate "C"
on conflict do nothing;

-- reopen: a letter that was redriven and has died again is open again; what was discarded stays so; never waits for a rival
update saga.dead_letter as d
set reason = free.reason, detail = free.detail, dead_at = $4, redriven_at = null
from (
    select r.id, n.reason, n.detail
    from saga.dead_letter as r
    join unnest($1::bytea[], $2::text[], $3::text[]) as n(id, reason, detail) on r.id = n.id
    where r.redriven_at is not null and r.outcome <> 'discarded'
    for update of r skip locked
) as free
where d.id = free.id;

-- list_dead: newest first, from the one after $9 on
select
    d.id, d.topic, d.partition, d."offset", d.digest, d.target, d.tenant, d.reason, d.detail, d.record_key, d.value, d.headers,
    d.timestamp_ms, d.dead_at, d.redriven_at, d.redriven_by, d.redriven_because, d.redrive_id, d.outcome, d.outcome_detail, d.redrives
from saga.dead_letter as d
where ($1::text is null or d.tenant = $1)
  and ($2::bytea[] is null or d.id = any($2))
  and ($3::text is null or d.target = $3 or exists (
      select from saga.saga as s
      where s.saga_id = case when d.target ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then d.target::uuid end and s.definition = $3
  ))
  and ($4::text is null or d.target = $4)
  and ($5::text is null or d.reason = $5)
  and ($6::text is null or d.topic = $6)
  and ($7::timestamptz is null or d.dead_at >= $7)
  and ($8::timestamptz is null or d.dead_at < $8)
  and ($9::bytea is null or (d.dead_at, d.id) < (select last.dead_at, last.id from saga.dead_letter as last where last.id = $9))
  and (not $10::boolean or d.redriven_at is null)
order by d.dead_at desc, d.id desc
limit $11;

-- take_dead: open ones in the order of the log, behind the key $9 to $13, locked until the end of the transaction
-- It waits for a rival, so that two runs of one filter cannot hand a saga its records in another order.
select
    d.id, d.topic, d.partition, d."offset", d.digest, d.target, d.tenant, d.reason, d.detail, d.record_key, d.value, d.headers,
    d.timestamp_ms, d.dead_at, d.redriven_at, d.redriven_by, d.redriven_because, d.redrive_id, d.outcome, d.outcome_detail, d.redrives
from saga.dead_letter as d
where d.redriven_at is null
  and d.tenant = $1
  and ($2::bytea[] is null or d.id = any($2))
  and ($3::text is null or d.target = $3 or exists (
      select from saga.saga as s
      where s.saga_id = case when d.target ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then d.target::uuid end and s.definition = $3
  ))
  and ($4::text is null or d.target = $4)
  and ($5::text is null or d.reason = $5)
  and ($6::text is null or d.topic = $6)
  and ($7::timestamptz is null or d.dead_at >= $7)
  and ($8::timestamptz is null or d.dead_at < $8)
  and ($9::text is null or (d.topic, d.partition, d."offset", d.digest, d.target) > ($9, $10::integer, $11::bigint, $12::bytea, $13::text))
order by d.topic, d.partition, d."offset", d.digest, d.target
limit $14
for update of d;

-- count_dead_wanted: how many of those that take_dead would take
select count(*) as count, now() as now
from saga.dead_letter as d
where d.redriven_at is null
  and d.tenant = $1
  and ($2::bytea[] is null or d.id = any($2))
  and ($3::text is null or d.target = $3 or exists (
      select from saga.saga as s
      where s.saga_id = case when d.target ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then d.target::uuid end and s.definition = $3
  ))
  and ($4::text is null or d.target = $4)
  and ($5::text is null or d.reason = $5)
  and ($6::text is null or d.topic = $6)
  and ($7::timestamptz is null or d.dead_at >= $7)
  and ($8::timestamptz is null or d.dead_at < $8)
  and ($9::text is null or (d.topic, d.partition, d."offset", d.digest, d.target) > ($9, $10::integer, $11::bigint, $12::bytea, $13::text));

-- settle_dead: what became of letters that this transaction has taken; one that is dead again stays open with its new reason
update saga.dead_letter as d
set redriven_at = case when n.still_dead then null else $8::timestamptz end,
    reason = case when n.still_dead then n.outcome else d.reason end,
    detail = case when n.still_dead then n.detail else d.detail end,
    outcome = case when n.still_dead then 'dead' else n.outcome end,
    outcome_detail = n.detail,
    redriven_by = $5,
    redriven_because = $6,
    redrive_id = $7,
    redrives = d.redrives + 1
from unnest($1::bytea[], $2::text[], $3::text[], $4::boolean[]) as n(id, outcome, detail, still_dead)
where d.id = n.id and d.redriven_at is null;

-- count_dead: those that nobody has tried again
select count(*) from saga.dead_letter where redriven_at is null;
