-- Tables of the payment service. Run at every start: every statement can be repeated.

create table if not exists payment (
    payment_id  text primary key,
    do_id       text not null,                          -- command id of the AuthorizePayment that made it: the card network's key
    order_id    text not null,
    customer_id text not null,
    amount      bigint not null check (amount > 0),
    currency    text not null,
    state       text not null,                          -- held, expired, voided, captured
    expires_at  timestamptz not null default '9999-12-31 00:00+00',
    tell_at     timestamptz                             -- when the network is to be told how the hold ended; null: not yet, or done
);
create index if not exists payment_do on payment (do_id);

-- One row per effect, never changed: authorized, declined, expired, voided, captured, capture-refused.
create table if not exists ledger (
    entry      bigint generated always as identity primary key,
    at         timestamptz not null,
    effect     text not null,
    order_id   text not null,
    command_id text not null,                           -- empty for `expired`
    do_id      text not null,
    payment_id text not null,
    amount     bigint not null,
    currency   text not null
);
create index if not exists ledger_order on ledger (order_id);

-- From accounts of our own to a card network: holds end, and the network is told.
alter table payment add column if not exists expires_at timestamptz not null default '9999-12-31 00:00+00';
alter table payment add column if not exists tell_at timestamptz;
create index if not exists payment_due on payment (expires_at) where state = 'held';
create index if not exists payment_untold on payment (tell_at) where tell_at is not null;
