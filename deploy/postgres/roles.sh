#!/bin/sh
# Databases and logins, made once, when the server has no data yet (PostgreSQL's image runs it; so does a test).
#
#   migrator          owns the coordinator's schema: `saga migrate`
#   coordinator       may add events and keys and change neither (member of saga_service): `saga serve`
#   <name>_service    a login a service; each makes its own schema in the database `services` and cannot read the others'
set -eu

psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v migrator="$(cat "$MIGRATOR_PASSWORD_FILE")" -v coordinator="$(cat "$COORDINATOR_PASSWORD_FILE")" -v services="$(cat "$SERVICES_PASSWORD_FILE")" <<'SQL'
create role saga_service nologin;
create role migrator login password :'migrator';
create role coordinator login password :'coordinator' in role saga_service;
create database coordinator owner migrator;
revoke connect on database coordinator from public;
grant connect on database coordinator to coordinator;
create database services;
revoke connect on database services from public;
select format('create role %I login password %L', name, :'services') from unnest(array['order_service', 'payment_service', 'inventory_service', 'shipping_service']) as name \gexec
select format('grant connect, create on database services to %I', name) from unnest(array['order_service', 'payment_service', 'inventory_service', 'shipping_service']) as name \gexec
SQL
