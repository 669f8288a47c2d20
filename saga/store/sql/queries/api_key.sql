-- find_api_key: one secret by its id
select id, name, tenant, secret_hash, grants, created_by, created_at, expires_at, revoked_at from saga.api_key where id = $1;

-- list_api_keys: all of a tenant, or all
select id, name, tenant, secret_hash, grants, created_by, created_at, expires_at, revoked_at
from saga.api_key
where $1::text is null or tenant = $1
order by tenant, name, created_at, id;

-- add_api_key: a new secret
insert into saga.api_key (id, name, tenant, secret_hash, grants, created_by, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- shorten_api_keys: the secrets of a name that would live on longer end at $3
update saga.api_key
set expires_at = $3
where tenant = $1 and name = $2 and revoked_at is null and (expires_at is null or expires_at > $3);

-- revoke_api_keys: the secrets of a name that live, or one of them, end now
update saga.api_key
set revoked_at = $4
where tenant = $1 and name = $2 and ($3::text is null or id = $3) and revoked_at is null and (expires_at is null or expires_at > $4)
returning id;
