-- breaking: no -- an older release does not know the table: it goes on starting and sending while a newer one pauses
-- All sagas of a definition are paused by one row: every batch reads the table with its clock.

create table saga.paused_definition (
    tenant text collate "C" not null,
    definition text collate "C" not null,
    actor text not null,
    reason text not null,
    input_id text not null,
    paused_at timestamptz not null,
    primary key (tenant, definition)
);

do $$
begin
    if exists (select from pg_roles where rolname = 'saga_service') then
        grant select, insert, delete on saga.paused_definition to saga_service;
    end if;
end
$$;
