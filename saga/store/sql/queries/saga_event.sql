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
