-- read_clock: the time of every decision in this transaction, which server and timeline keeps it, and which definitions are paused
select
    clock_timestamp() as now,
    (select system_identifier from pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) as timeline,
    (select json_agg(p)::text from saga.paused_definition as p) as paused;

-- read_streams: whole streams, oldest event first
select saga_id, data from saga.saga_event where saga_id = any($1::uuid[]) order by saga_id, version;

-- read_streams_after: whole streams of the next sagas in order of saga_id, for replay
select e.saga_id, e.data
from saga.saga_event as e
join (
    select saga_id from saga.saga_event where version = 1 and saga_id > $1 order by saga_id limit $2
) as next on next.saga_id = e.saga_id
order by e.saga_id, e.version;

-- append_events: add all new events, a stream's only where the version decided on exists; and tell from the streams where the empties stand
-- A rival's row makes ours vanish (do nothing), a lost predecessor keeps ours out: both show as fewer rows than sent.
-- Not "exists": the planner may answer that with a hash of the whole table, and keeps the plan that it made while the table was small.
with new as materialized (
    select n.saga_id, n.version, n.data, n.base
    from unnest($1::uuid[], $2::integer[], $3::bytea[], $4::integer[]) as n(saga_id, version, data, base)
),
added as (
    insert into saga.saga_event (saga_id, version, data)
    select new.saga_id, new.version, new.data
    from new
    where new.base = 0
       or (select true from saga.saga_event as before where before.saga_id = new.saga_id and before.version = new.base)
    order by new.saga_id, new.version
    on conflict (saga_id, version) do nothing
    returning saga_id, version
)
select saga_id, version, true as appended from added
union all
select
    empty.saga_id,
    coalesce((select e.version from saga.saga_event as e where e.saga_id = empty.saga_id order by e.version desc limit 1), 0),
    false
from unnest($5::uuid[]) as empty(saga_id);
