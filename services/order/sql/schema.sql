-- Tables of the order service. Run at every start: every statement can be repeated.

create table if not exists purchase (
    order_id        text primary key,
    customer_id     text not null,
    state           text not null,                      -- placed, accepted, not-accepted, rejected, confirmed
    body_hash       bytea,                              -- of the order as it was placed here; null if it came another way
    tracking_number text,
    placed_at       timestamptz not null
);

-- One row per effect, never changed: placed, accepted, not-accepted, rejected, confirmed. `not-open` changed nothing.
create table if not exists ledger (
    entry      bigint generated always as identity primary key,
    at         timestamptz not null,
    effect     text not null,
    order_id   text not null,
    command_id text not null,                           -- empty for `placed`
    do_id      text not null
);
create index if not exists ledger_order on ledger (order_id);
