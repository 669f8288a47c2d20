-- Tables of the inventory service. Run at every start: every statement can be repeated.

create table if not exists stock (
    sku      text primary key,
    on_hand  bigint not null check (on_hand >= 0),      -- in the house, reserved or not
    reserved bigint not null default 0 check (reserved between 0 and on_hand),
    shipped  bigint not null default 0                  -- on hand and shipped together are what there was at first
);

create table if not exists reservation (
    reservation_id text primary key,
    do_id          text not null,                       -- command id of the ReserveStock that made it
    order_id       text not null,
    state          text not null                        -- reserved, released, shipped
);
create index if not exists reservation_do on reservation (do_id);

create table if not exists reservation_line (
    reservation_id text not null,
    sku            text not null,
    quantity       bigint not null check (quantity > 0),
    primary key (reservation_id, sku)
);

-- One row per effect and stock keeping unit, never changed: reserved, released, shipped. `out-of-stock` has quantity 0.
create table if not exists ledger (
    entry          bigint generated always as identity primary key,
    at             timestamptz not null,
    effect         text not null,
    order_id       text not null,
    command_id     text not null,
    do_id          text not null,
    reservation_id text not null,
    sku            text not null,
    quantity       bigint not null
);
create index if not exists ledger_order on ledger (order_id);

insert into stock (sku, on_hand, reserved, shipped) values ('tea', 8, 2, 1);
insert into reservation values ('res-1', 'do-1', '1', 'reserved'), ('res-2', 'do-2', '2', 'shipped');
insert into reservation_line values ('res-1', 'tea', 2), ('res-2', 'tea', 1);
insert into ledger (at, effect, order_id, command_id, do_id, reservation_id, sku, quantity) values
    (now(), 'reserved', '1', 'do-1', 'do-1', 'res-1', 'tea', 2),
    (now(), 'reserved', '2', 'do-2', 'do-2', 'res-2', 'tea', 1),
    (now(), 'shipped', '2', 'do-3', 'do-3', 'res-2', 'tea', 1);
