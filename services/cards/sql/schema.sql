-- The card network's books. Run before its first call: every statement can be repeated.

create schema if not exists card_network;

create table if not exists card_network.account (
    customer_id text primary key,
    currency    text not null,
    at_first    bigint not null,
    balance     bigint not null check (balance >= 0),   -- minor units
    held        bigint not null default 0 check (held between 0 and balance)
);

create table if not exists card_network.hold (
    key         text primary key,                       -- the caller's: the same key is the same call
    reference   text not null,
    customer_id text not null,
    amount      bigint not null,
    currency    text not null,
    state       text not null,                          -- held, taken, let-go, declined
    reason      text not null default '',               -- of a decline
    expires_at  timestamptz not null
);

create table if not exists card_network.calls (
    key   text primary key,
    times integer not null
);
