-- The barrier's tables, in the first schema of the search path. Run at every start under a lock: every statement can be repeated.

create table if not exists barrier (
    command_id     text primary key,
    do_id          text not null,           -- the command's own id; of an undo or a fence the id of the do that it is about
    kind           text not null,           -- do, undo, fence
    state          text not null,           -- of a do: table.py; of an undo or a fence: working until its do has ended, then answered
    type           text not null default '',
    body           text,                    -- of a do: its command, for its undo
    answer_id      text,
    answer_type    text,
    answer_outcome text,
    answer_body    text,
    answered_at    timestamptz,
    seen           integer not null default 0,  -- deliveries that were handled; above one there were repetitions
    first_seen     timestamptz not null,
    last_seen      timestamptz not null
) with (fillfactor = 80);

create table if not exists working (
    command_id    text primary key,
    do_id         text not null,
    command       json not null,            -- the newest repetition: its answers echo it
    within_ms     bigint not null,
    progress_at   timestamptz not null,     -- when in-progress is due
    claimed_until timestamptz not null,     -- until then somebody works on it
    tries         integer not null default 0
);

create table if not exists outbox (
    id            uuid primary key,
    aggregatetype varchar(255) not null,    -- the participant
    aggregateid   varchar(255) not null,    -- the record key as text
    type          varchar(255) not null,    -- the message type
    payload       text not null,
    topic         text not null,
    key           bytea not null,
    headers       json not null,            -- [[name, value], …]
    seq           bigint generated always as identity,
    claimed_until timestamptz not null      -- until then whoever wrote or claimed it sends it
);
create index if not exists outbox_unclaimed on outbox (claimed_until);

create table if not exists epoch (
    source text primary key,
    epoch  bigint not null
);

create table if not exists set_aside (
    topic        text not null,
    partition    integer not null,
    "offset"     bigint not null,
    digest       bytea not null,
    reason       text not null,
    detail       text not null,
    key          bytea,
    value        bytea,                     -- the first 64 KiB
    headers      json not null,             -- [[name, value in hex], …]
    set_aside_at timestamptz not null default clock_timestamp(),
    primary key (topic, partition, "offset", digest)
);
