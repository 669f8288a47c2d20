-- schema_exists: whether the schema is there; creating it asks for a right that a login may not have
select to_regnamespace('saga') is not null;

-- create_schema: where everything lives
create schema saga;

-- create_migration: what has been applied, and the SHA-256 of each file as it was applied
create table if not exists saga.migration (
    name text primary key,
    checksum bytea not null,
    breaking boolean not null,
    applied_at timestamptz not null
);

-- lock_migrations: one migrator at a time; the lock ends with its transaction, so it works through a pooler too
select pg_advisory_xact_lock(7340111836601);

-- read_migrations: what has been applied, in order
select name, checksum, breaking from saga.migration order by name;

-- add_migration: this file has been applied
insert into saga.migration (name, checksum, breaking, applied_at) values ($1, $2, $3, clock_timestamp());
