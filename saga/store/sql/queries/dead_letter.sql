-- bury: the same record for the same target is one dead letter
insert into saga.dead_letter (
    topic, partition, "offset", digest, target, id, tenant, reason, detail, record_key, value, headers, timestamp_ms, value_bytes, dead_at
)
select n.*, $15
from unnest(
    $1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::text[], $9::text[],
    $10::bytea[], $11::bytea[], $12::bytea[], $13::bigint[], $14::integer[]
) as n(topic, partition, "offset", digest, target, id, tenant, reason, detail, record_key, value, headers, timestamp_ms, value_bytes)
order by n.topic collate "C", n.partition, n."offset", n.digest, n.target collate "C"
on conflict do nothing;

-- list_dead: newest first, from the one after $3 on
select
    id, topic, partition, "offset", target, tenant, reason, detail, record_key, value, headers, timestamp_ms, dead_at
from saga.dead_letter
where ($1::text is null or tenant = $1)
  and ($3::bytea is null or (dead_at, id) < (select last.dead_at, last.id from saga.dead_letter as last where last.id = $3))
order by dead_at desc, id desc
limit $2;

-- count_dead: those that nobody has tried again
select count(*) from saga.dead_letter where redriven_at is null;
