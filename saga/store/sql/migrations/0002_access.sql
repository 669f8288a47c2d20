-- breaking: no -- an older release goes on without access control and writes no audit: let nobody in through it who may not act
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

do $$
begin
    if exists (select from pg_roles where rolname = 'saga_service') then
        grant select on saga.api_key to saga_service;
        grant select, insert on saga.audit to saga_service;
        grant select, insert, update on saga.audit_head to saga_service;
    end if;
end
$$;
