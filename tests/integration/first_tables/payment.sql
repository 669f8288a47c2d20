-- Tables of the payment service. Run at every start: every statement can be repeated.

create table if not exists account (
    customer_id text primary key,
    currency    text not null,
    balance     bigint not null check (balance >= 0),   -- minor units
    held        bigint not null default 0 check (held between 0 and balance)
);

create table if not exists payment (
    payment_id  text primary key,
    do_id       text not null,                          -- command id of the AuthorizePayment that made it
    order_id    text not null,
    customer_id text not null,
    amount      bigint not null check (amount > 0),
    currency    text not null,
    state       text not null                           -- held, voided, captured
);
create index if not exists payment_do on payment (do_id);

-- One row per effect, never changed: authorized, declined, voided, captured.
create table if not exists ledger (
    entry      bigint generated always as identity primary key,
    at         timestamptz not null,
    effect     text not null,
    order_id   text not null,
    command_id text not null,
    do_id      text not null,
    payment_id text not null,
    amount     bigint not null,
    currency   text not null
);
create index if not exists ledger_order on ledger (order_id);

insert into payment values ('pay-1', 'do-1', '1', 'ada', 400, 'EUR', 'held');
insert into ledger (at, effect, order_id, command_id, do_id, payment_id, amount, currency) values
    (now(), 'authorized', '1', 'do-1', 'do-1', 'pay-1', 400, 'EUR');
