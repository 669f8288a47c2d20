-- Tables of the shipping service. Run at every start: every statement can be repeated.

create table if not exists shipment (
    shipment_id     text primary key,
    do_id           text not null,
    order_id        text not null,
    tracking_number text not null,
    country         text not null
);

-- One row per effect, never changed: label, rejected.
create table if not exists ledger (
    entry       bigint generated always as identity primary key,
    at          timestamptz not null,
    effect      text not null,
    order_id    text not null,
    command_id  text not null,
    do_id       text not null,
    shipment_id text not null
);
create index if not exists ledger_order on ledger (order_id);

insert into shipment values ('shp-1', 'do-1', '1', '1Z-1', 'GB'), ('shp-2', 'do-2', '2', '1Z-1', 'GB');
