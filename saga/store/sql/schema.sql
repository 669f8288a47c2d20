-- What all migrations add up to: to be read, not run. A test proves that it is the same as sql/migrations applied in order.

create schema saga;

-- What has been applied, and the SHA-256 of each file as it was applied. Made by migrate.py.
create table saga.migration (
    name text primary key,
    checksum bytea not null,
    breaking boolean not null,
    applied_at timestamptz not null
);

create table saga.saga_key (
    tenant text collate "C" not null,
    definition text collate "C" not null,
    key text collate "C" not null,
    saga_id uuid not null,
    partition_key bytea not null,
    body_hash bytea not null,
    primary key (tenant, definition, key)
);

create table saga.saga_event (
    saga_id uuid not null,
    version integer not null check (version > 0),
    data bytea not null,
    primary key (saga_id, version)
);

-- A projection: one row a saga, written whole. Room in each page, so that an update which moves no index entry stays in it.
create table saga.saga (
    saga_id uuid primary key,
    version integer not null,
    tenant text collate "C" not null,
    definition text collate "C" not null,
    definition_version integer not null,
    key text collate "C" not null,
    status text not null,
    ended boolean not null,
    due_at timestamptz,
    started_at timestamptz not null,
    last_progress timestamptz not null,
    ended_at timestamptz,
    waits_for text not null,
    parked_steps text[] not null,
    quarantined text
) with (fillfactor = 70);
create index saga_due on saga.saga (due_at) where due_at is not null and not ended and quarantined is null;
create index saga_open on saga.saga (status) where not ended;
create index saga_by_status on saga.saga (tenant, status, saga_id);
create index saga_by_key on saga.saga (key);

create table saga.outbox (
    saga_id uuid not null,
    version integer not null,
    owner uuid not null,
    claim_until timestamptz not null,
    created_at timestamptz not null,
    primary key (saga_id, version)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create index outbox_claim on saga.outbox (claim_until);

-- Held records and dead letters are named by their bytes too: a topic made again counts its offsets from 0 (hazard K8).
create table saga.held_record (
    topic text collate "C" not null,
    partition integer not null,
    "offset" bigint not null,
    digest bytea not null,
    target text collate "C" not null,
    saga_id uuid,
    definition text not null,
    definition_version integer not null,
    reason text not null,
    record_key bytea,
    value bytea,
    headers bytea not null,
    timestamp_ms bigint not null,
    held_at timestamptz not null,
    tenant text not null default 'default',
    primary key (topic, partition, "offset", digest, target)
);

create table saga.dead_letter (
    topic text collate "C" not null,
    partition integer not null,
    "offset" bigint not null,
    digest bytea not null,
    target text collate "C" not null,
    id bytea not null unique,
    tenant text not null,
    reason text not null,
    detail text not null,
    record_key bytea,
    value bytea,
    headers bytea not null,
    timestamp_ms bigint not null,
    value_bytes integer not null,
    dead_at timestamptz not null,
    redriven_at timestamptz,
    redriven_by text,
    redriven_because text,
    redrive_id text,
    outcome text,
    outcome_detail text,
    redrives integer not null default 0,
    primary key (topic, partition, "offset", digest, target)
);
create index dead_letter_newest on saga.dead_letter (dead_at desc, id desc);
create index dead_letter_open on saga.dead_letter (dead_at) where redriven_at is null;

create table saga.definition (
    name text collate "C" not null,
    version integer not null,
    hash text not null,
    topics text[] not null,
    graph text not null,
    starts_on text not null,
    primary key (name, version)
);

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

create table saga.replica (
    replica uuid primary key,
    seen_at timestamptz not null,
    names text[] not null,
    versions integer[] not null,
    release text not null default ''
);

-- The batch after an unknown commit writes here, so that its own commit proves the one before (hazard P1).
create table saga.proof_of_commit (
    owner uuid primary key,
    written_at timestamptz not null
);

-- Keys of programs: only a hash of each secret. Changed by `saga keys` with the login that migrates; replicas only read.
create table saga.api_key (
    id text collate "C" primary key,
    name text collate "C" not null,
    tenant text collate "C" not null,
    secret_hash bytea not null check (octet_length(secret_hash) = 32),
    grants text[] not null,
    created_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz
);
create index api_key_by_name on saga.api_key (tenant, name);

-- Who did what: a chain of hashes a tenant, read and extended, never changed.
create table saga.audit (
    tenant text collate "C" not null,
    position bigint not null check (position > 0),
    at timestamptz not null,
    actor text not null,
    act text collate "C" not null,
    saga_id text collate "C" not null,
    definition text collate "C" not null,
    step text not null,
    reason text not null,
    outcome text collate "C" not null,
    detail text not null,
    input_id text collate "C" not null,
    hash bytea not null check (octet_length(hash) = 32),
    primary key (tenant, position)
);
create unique index audit_once on saga.audit (tenant, input_id, act, saga_id, definition, outcome);

-- The end of each chain. Its row is locked last in a transaction, by whoever extends the chain.
create table saga.audit_head (
    tenant text collate "C" primary key,
    position bigint not null,
    hash bytea not null
);

-- The least that a coordinator needs. Events and keys are never changed: the role cannot.
do $$
begin
    create role saga_service nologin;
exception
    when duplicate_object or unique_violation or insufficient_privilege then
        raise notice 'the role saga_service exists already, or may not be created by this login';
end
$$;

do $$
begin
    if exists (select from pg_roles where rolname = 'saga_service') then
        grant usage on schema saga to saga_service;
        grant select on saga.migration to saga_service;
        grant select on saga.api_key to saga_service;
        grant select, insert on saga.saga_key, saga.saga_event, saga.audit to saga_service;
        grant select, insert, delete on saga.paused_definition to saga_service;
        grant select, insert, update on saga.saga, saga.dead_letter, saga.definition, saga.audit_head to saga_service;
        grant select, insert, update, delete on saga.outbox, saga.held_record, saga.replica, saga.proof_of_commit to saga_service;
    end if;
end
$$;
