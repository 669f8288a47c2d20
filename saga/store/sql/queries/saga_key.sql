-- find_keys: the rows of these keys that exist
-- Looked up one by one ("limit" keeps it so): a join read the whole table, by a plan that was made while it was small.
-- Arrays inside a select: see write_batch.
select k.tenant, k.definition, k.key, k.saga_id, k.partition_key, k.body_hash
from unnest((select $1::text[]), (select $2::text[]), (select $3::text[])) as wanted(tenant, definition, key)
cross join lateral (
    select * from saga.saga_key as k
    where k.tenant = wanted.tenant and k.definition = wanted.definition and k.key = wanted.key
    limit 1
) as k;

-- take_keys: one saga a key; a rival's row makes ours vanish, which shows as fewer rows than sent
insert into saga.saga_key (tenant, definition, key, saga_id, partition_key, body_hash)
select n.tenant, n.definition, n.key, n.saga_id, n.partition_key, n.body_hash
from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bytea[], $6::bytea[])
    as n(tenant, definition, key, saga_id, partition_key, body_hash)
order by n.tenant collate "C", n.definition collate "C", n.key collate "C"
on conflict do nothing
returning saga_id;
