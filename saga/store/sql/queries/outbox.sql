-- add_pointers: what this batch is about to send
insert into saga.outbox (saga_id, version, owner, claim_until, created_at)
select n.saga_id, n.version, $3, $4, $5
from unnest($1::uuid[], $2::integer[]) as n(saga_id, version)
order by n.saga_id, n.version
on conflict do nothing;

-- delete_pointers: acknowledged ones; what somebody has locked is deleted another time, so this never waits
delete from saga.outbox as o
using (
    select p.saga_id, p.version
    from saga.outbox as p
    join unnest($1::uuid[], $2::integer[]) as done(saga_id, version) on p.saga_id = done.saga_id and p.version = done.version
    for update of p skip locked
) as free
where o.saga_id = free.saga_id and o.version = free.version;

-- claim_pointers: those whose time has passed belong to this owner now, and to nobody else until the new time has passed
update saga.outbox as o
set owner = $1, claim_until = now() + make_interval(secs => $3)
from (
    select saga_id, version from saga.outbox where claim_until <= now() order by claim_until limit $2 for update skip locked
) as free
where o.saga_id = free.saga_id and o.version = free.version
returning o.saga_id, o.version, o.created_at;

-- outbox_figures: how many pointers wait, and the age in seconds of the oldest
select count(*) as pointers, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as age from saga.outbox;

-- prove_commit: a write that makes this commit wait for what an earlier one has to wait for
insert into saga.proof_of_commit (owner, written_at) values ($1, clock_timestamp())
on conflict (owner) do update set written_at = excluded.written_at;
