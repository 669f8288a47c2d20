-- hold: wait for whoever raises the epoch of this source, and keep it as it is until the end of this transaction
select pg_advisory_xact_lock_shared(hashtextextended(concat('saga epoch ', current_schema(), ' ', $1::text), 0));

-- take: the same, alone: the epoch is about to rise
select pg_advisory_xact_lock(hashtextextended(concat('saga epoch ', current_schema(), ' ', $1::text), 0));

-- raise: never lowers it
insert into epoch (source, epoch) values ($1, $2)
on conflict (source) do update set epoch = excluded.epoch where epoch.epoch < excluded.epoch;
