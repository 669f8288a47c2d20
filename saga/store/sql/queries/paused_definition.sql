-- pause_definition: whoever comes first says why; a second pause changes nothing
insert into saga.paused_definition (tenant, definition, actor, reason, input_id, paused_at)
values ($1, $2, $3, $4, $5, now())
on conflict (tenant, definition) do nothing
returning definition;

-- resume_definition: the pause ends; what it said, so that its sagas can be found
delete from saga.paused_definition
where tenant = $1 and definition = $2
returning tenant, definition, actor, reason, input_id, paused_at;

-- paused_definitions: all pauses
select tenant, definition, actor, reason, input_id, paused_at from saga.paused_definition order by tenant, definition;
