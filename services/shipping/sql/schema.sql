-- Tables of the shipping service. Run at every start: every statement can be repeated.

create table if not exists carrier (
    name  text primary key,
    drawn bigint not null default 0                     -- the last number of a label that was drawn
);

create table if not exists shipment (
    shipment_id     text primary key,
    do_id           text not null,
    order_id        text not null,
    carrier         text not null default '',
    tracking_number text not null,
    country         text not null,
    at              timestamptz not null default '1970-01-01 00:00+00'
);

-- One row per effect, never changed: label, rejected.
create table if not exists ledger (
    entry       bigint generated always as identity primary key,
    at          timestamptz not null,
    effect      text not null,
    order_id    text not null,
    command_id  text not null,
    do_id       text not null,
    shipment_id text not null,
    carrier     text not null default ''
);
create index if not exists ledger_order on ledger (order_id);

-- From one carrier to several; what there was before counts for none.
alter table shipment add column if not exists carrier text not null default '';
alter table shipment add column if not exists at timestamptz not null default '1970-01-01 00:00+00';
alter table ledger add column if not exists carrier text not null default '';
create index if not exists shipment_window on shipment (carrier, at);
create unique index if not exists shipment_number on shipment (tracking_number) where carrier <> '';
