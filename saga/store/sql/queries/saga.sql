-- rebuild_rows: as a batch writes them, but the same version is written too, with its own exact due and all columns
insert into saga.saga as s (
    saga_id, version, tenant, definition, definition_version, key, status, ended, due_at,
    started_at, last_progress, ended_at, waits_for, parked_steps
)
select
    n.saga_id, n.version, n.tenant, n.definition, n.definition_version, n.key, n.status, n.ended, n.due_at,
    n.started_at, n.last_progress, n.ended_at, n.waits_for, string_to_array(n.parked_steps, E'\n')
from unnest(
    $1::uuid[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::boolean[], $9::timestamptz[],
    $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::text[]
) as n(
    saga_id, version, tenant, definition, definition_version, key, status, ended, due_at,
    started_at, last_progress, ended_at, waits_for, parked_steps
)
order by n.saga_id
on conflict (saga_id) do update
set version = excluded.version,
    tenant = excluded.tenant,
    definition = excluded.definition,
    definition_version = excluded.definition_version,
    key = excluded.key,
    status = excluded.status,
    ended = excluded.ended,
    due_at = excluded.due_at,
    started_at = excluded.started_at,
    last_progress = excluded.last_progress,
    ended_at = excluded.ended_at,
    waits_for = excluded.waits_for,
    parked_steps = excluded.parked_steps,
    quarantined = null
where s.version <= excluded.version
returning saga_id;

-- mend_due: write the due time that a tick found, only on the version it was found on; never waits for a rival
update saga.saga as s
set due_at = free.due_at
from (
    select r.saga_id, n.due_at
    from saga.saga as r
    join unnest($1::uuid[], $2::integer[], $3::timestamptz[]) as n(saga_id, version, due_at)
      on r.saga_id = n.saga_id and r.version = n.version
    for update of r skip locked
) as free
where s.saga_id = free.saga_id;

-- quarantine: sweeps leave these alone until their row is written again; never waits for a rival
update saga.saga as s
set quarantined = free.reason
from (
    select r.saga_id, n.reason
    from saga.saga as r
    join unnest($1::uuid[], $2::text[]) as n(saga_id, reason) on r.saga_id = n.saga_id
    for update of r skip locked
) as free
where s.saga_id = free.saga_id;

-- due_sagas: whose due time has passed, oldest first; what this replica may not touch is left out before the limit
-- Ordered by nothing else: as the index has it, so that of a million that are due two hundred are read.
select s.saga_id
from saga.saga as s
where s.due_at <= now()
  and s.due_at is not null
  and not s.ended
  and s.quarantined is null
  and s.status <> 'paused'
  and (s.definition, s.definition_version) in (
      select loaded.definition, loaded.version from unnest($1::text[], $2::integer[]) as loaded(definition, version)
  )
order by s.due_at
limit $3;

-- read_rows: the rows of these sagas
select
    saga_id, version, tenant, definition, definition_version, key, status, ended, due_at,
    started_at, last_progress, ended_at, waits_for, parked_steps
from saga.saga
where saga_id = any($1::uuid[]);

-- list_rows: newest first, from the one after $8 on
select
    saga_id, version, tenant, definition, definition_version, key, status, ended, due_at,
    started_at, last_progress, ended_at, waits_for, parked_steps
from saga.saga
where ($1::text is null or tenant = $1)
  and ($2::text is null or definition = $2)
  and ($3::text is null or status = $3)
  and ($4::text is null or key = $4)
  and ($5::timestamptz is null or started_at >= $5)
  and ($6::timestamptz is null or started_at < $6)
  and ($8::uuid is null or saga_id < $8)
  and ($9::text[] is null or definition = any($9))
order by saga_id desc
limit $7;

-- count_open: open sagas by status
select status, count(*) as sagas from saga.saga where not ended group by status;
