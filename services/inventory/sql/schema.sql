-- Tables of the inventory service. Run at every start: every statement can be repeated.

create table if not exists stock (
    warehouse text not null default 'main',
    sku       text not null,
    at_first  bigint not null default 0,                -- what there was; on hand and shipped together are always that
    on_hand   bigint not null check (on_hand >= 0),     -- in the house, reserved or not
    reserved  bigint not null default 0 check (reserved between 0 and on_hand),
    shipped   bigint not null default 0,
    primary key (sku, warehouse)
);

create table if not exists policy (
    one      boolean primary key default true check (one),
    hold_for interval not null
);
insert into policy (hold_for) values ('15 minutes') on conflict do nothing;

create table if not exists reservation (
    reservation_id text primary key,
    do_id          text not null,                       -- command id of the ReserveStock that made it
    order_id       text not null,
    state          text not null,                       -- reserved, expired, released, shipped
    expires_at     timestamptz                          -- null: never
);
create index if not exists reservation_do on reservation (do_id);

create table if not exists reservation_line (
    reservation_id text not null,
    warehouse      text not null default 'main',
    sku            text not null,
    quantity       bigint not null check (quantity > 0),
    primary key (reservation_id, sku, warehouse)
);

-- One row per effect, warehouse and stock keeping unit, never changed: reserved, expired, picked-again, released, shipped.
-- `out-of-stock` has quantity 0 and no warehouse.
create table if not exists ledger (
    entry          bigint generated always as identity primary key,
    at             timestamptz not null,
    effect         text not null,
    order_id       text not null,
    command_id     text not null,                       -- empty for `expired`
    do_id          text not null,
    reservation_id text not null,
    warehouse      text not null default 'main',
    sku            text not null,
    quantity       bigint not null
);
create index if not exists ledger_order on ledger (order_id);

-- From one warehouse to several: what was there lies in `main`.
alter table reservation add column if not exists expires_at timestamptz;
create index if not exists reservation_due on reservation (expires_at) where state = 'reserved';
alter table ledger add column if not exists warehouse text not null default 'main';
do $$
begin
    if not exists (select from information_schema.columns
                   where table_schema = current_schema() and table_name = 'stock' and column_name = 'warehouse') then
        alter table stock add column warehouse text not null default 'main', add column at_first bigint not null default 0;
        update stock set at_first = on_hand + shipped;
        alter table stock drop constraint stock_pkey, add primary key (sku, warehouse);
        alter table reservation_line add column warehouse text not null default 'main';
        alter table reservation_line drop constraint reservation_line_pkey, add primary key (reservation_id, sku, warehouse);
    end if;
end
$$;
