-- inspect_server: what the server says of itself and of this login; nothing here needs a right
select
    current_setting('server_version_num')::integer as version,
    current_user::text as login,
    (select rolsuper from pg_roles where rolname = current_user) as superuser,
    current_setting('cluster_name') as cluster,
    current_setting('max_connections')::integer as connections,
    clock_timestamp() as clock,
    array['fsync', 'full_page_writes', 'synchronous_commit'] as names,
    array[current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')] as values;

-- name_of_cluster: an embedded server has a name of its own
select current_setting('cluster_name') as cluster;

-- inspect_privileges: which of these this login has; a table that does not exist is left out
select n.privilege || ' ' || n.relation as may, has_table_privilege(format('saga.%I', n.relation), n.privilege) as granted
from unnest($1::text[], $2::text[]) as n(privilege, relation)
where to_regclass(format('saga.%I', n.relation)) is not null
order by 1;

-- inspect_replicas: every heartbeat that is not older than a day
select replica::text, extract(epoch from clock_timestamp() - seen_at)::float8 as silent_for, release, names, versions
from saga.replica
order by seen_at desc;
