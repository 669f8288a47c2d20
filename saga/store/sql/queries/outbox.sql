-- delete_pointers: acknowledged ones; what somebody has locked is deleted another time, so this never waits
-- By ctid, each found by its key: under a held snapshot the planner takes the outbox for empty, and a join would read all that is dead.
-- Planned anew each time: a plan from when the outbox was small would read all of it.
delete from saga.outbox as o
where o.ctid = any (array(
    select free.place
    from unnest($1::uuid[], $2::integer[]) as done(saga_id, version)
    cross join lateral (
        select p.ctid as place from saga.outbox as p
        where p.saga_id = done.saga_id and p.version = done.version
        for update skip locked
    ) as free
));

-- claim_pointers: those whose time has passed belong to this owner now, and to nobody else until the new time has passed
-- With $4 only those whose time passed within so many seconds: what was deleted before lies at the index's low end for as long as
-- somebody holds an old snapshot, and is not walked through then.
update saga.outbox as o
set owner = $1, claim_until = now() + make_interval(secs => $3)
where o.ctid = any (array(
    select p.ctid from saga.outbox as p
    where p.claim_until <= now() and p.claim_until > coalesce(now() - make_interval(secs => $4), '-infinity')
    order by p.claim_until limit $2 for update skip locked
))
returning o.saga_id, o.version, o.created_at;

-- outbox_figures: how many pointers wait, and the age in seconds of the oldest
select count(*) as pointers, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as age from saga.outbox;

-- prove_commit: a write that makes this commit wait for what an earlier one has to wait for
insert into saga.proof_of_commit (owner, written_at) values ($1, clock_timestamp())
on conflict (owner) do update set written_at = excluded.written_at;
