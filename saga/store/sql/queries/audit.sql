-- begin_audit: the heads of tenants that have none yet; in order, so that two batches cannot wait for each other in a circle
insert into saga.audit_head (tenant, position, hash)
select n.tenant, 0, $2
from unnest($1::text[]) as n(tenant)
order by n.tenant collate "C"
on conflict do nothing;

-- lock_audit: the ends of these chains, locked until the end of the transaction
select tenant, position, hash from saga.audit_head where tenant = any($1::text[]) order by tenant for update;

-- find_audit: what stands in the chains of these acts already
select distinct a.tenant, a.act, a.saga_id, a.definition, a.input_id, a.outcome
from saga.audit as a
join unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as n(tenant, act, saga_id, definition, input_id)
  on (a.tenant, a.act, a.saga_id, a.definition, a.input_id) = (n.tenant, n.act, n.saga_id, n.definition, n.input_id);

-- add_audit: new rows at the end of their chains
insert into saga.audit (tenant, position, at, actor, act, saga_id, definition, step, reason, outcome, detail, input_id, hash)
select *
from unnest(
    $1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::bytea[]
);

-- move_audit_head: the chain ends here now
update saga.audit_head set position = $2, hash = $3 where tenant = $1;

-- list_audit: newest first, from before position $3 on
select tenant, position, at, actor, act, saga_id, definition, step, reason, outcome, detail, input_id, hash
from saga.audit
where tenant = $1 and ($3::bigint is null or position < $3)
order by position desc
limit $2;

-- read_audit_chain: in the order of the chain
select tenant, position, at, actor, act, saga_id, definition, step, reason, outcome, detail, input_id, hash
from saga.audit
where tenant = $1 and position > $2
order by position
limit $3;

-- audit_heads: the ends of all chains, and of those that have rows but lost their end
select
    coalesce(head.tenant, rows.tenant) as tenant,
    coalesce(head.position, 0) as position,
    coalesce(head.hash, '\x') as hash
from saga.audit_head as head
full join (select distinct audit.tenant from saga.audit) as rows on rows.tenant = head.tenant
order by 1;
