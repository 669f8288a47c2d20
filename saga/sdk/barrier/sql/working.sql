-- put: work begins, or an undo waits for it; a repetition takes the place of what is to be echoed if its attempt is newer
insert into working as known (command_id, do_id, command, within_ms, progress_at, claimed_until)
values ($1, $2, $3::json, $4::bigint, $5::timestamptz + make_interval(secs => $4::bigint / 3000.0), $5::timestamptz)
on conflict (command_id) do update
set command = excluded.command, within_ms = excluded.within_ms, progress_at = least(known.progress_at, excluded.progress_at)
where (excluded.command ->> 'attempt')::bigint >= (known.command ->> 'attempt')::bigint;

-- take_off: it is answered
delete from working where command_id = $1 returning command;

-- claim: work that nobody does, and undos whose do is no longer at work
update working set claimed_until = clock_timestamp() + make_interval(secs => $2), tries = tries + 1
where command_id in (
    select waiting.command_id from working waiting join barrier of_do on of_do.command_id = waiting.do_id
    where waiting.claimed_until <= clock_timestamp() and (waiting.command_id = waiting.do_id or of_do.state <> 'working')
    order by waiting.claimed_until limit $1 for update of waiting skip locked)
returning command_id, do_id, command, tries;

-- keep_claim: still at it
update working set claimed_until = clock_timestamp() + make_interval(secs => $2) where command_id = $1;

-- progress: whose in-progress is due, and when the next one is
update working set progress_at = clock_timestamp() + make_interval(secs => within_ms / 3000.0)
where command_id in (
    select command_id from working where progress_at <= clock_timestamp() order by progress_at limit $1 for update skip locked)
returning command;
