-- publish_definitions: the first replica that loads a version says what it is; the same hash may bring a better drawing
insert into saga.definition as d (name, version, hash, topics, graph, starts_on)
select n.name, n.version, n.hash, string_to_array(n.topics, E'\n'), n.graph, n.starts_on
from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[]) as n(name, version, hash, topics, graph, starts_on)
order by n.name collate "C", n.version
on conflict (name, version) do update
set topics = excluded.topics, graph = excluded.graph, starts_on = excluded.starts_on
where d.hash = excluded.hash
  and (d.topics, d.graph, d.starts_on) is distinct from (excluded.topics, excluded.graph, excluded.starts_on);

-- other_hashes: versions that somebody published with another graph
select d.name, d.version
from saga.definition as d
join unnest($1::text[], $2::integer[], $3::text[]) as n(name, version, hash) on d.name = n.name and d.version = n.version
where d.hash <> n.hash
order by d.name, d.version;

-- read_definitions: all that were ever published
select name, version, hash, topics, graph, starts_on from saga.definition order by name, version;

-- beat: this replica lives, is of this release and has these versions loaded
insert into saga.replica (replica, seen_at, names, versions, release) values ($1, clock_timestamp(), $2, $3, $4)
on conflict (replica) do update
set seen_at = excluded.seen_at, names = excluded.names, versions = excluded.versions, release = excluded.release;

-- forget_replicas: processes that have been gone for a day
delete from saga.replica as r
using (select replica from saga.replica where seen_at < now() - interval '1 day' for update skip locked) as gone
where r.replica = gone.replica;

-- forget_proofs: of processes that have been gone for a day
delete from saga.proof_of_commit as p
using (select owner from saga.proof_of_commit where written_at < now() - interval '1 day' for update skip locked) as gone
where p.owner = gone.owner;

-- retire: the replica leaves
delete from saga.replica where replica = $1;

-- newest_loaded: per definition the newest version that any live replica has loaded
select loaded.name, max(loaded.version) as version
from saga.replica
cross join lateral unnest(names, versions) as loaded(name, version)
where seen_at > now() - make_interval(secs => $1)
group by loaded.name;

-- newest_common: per definition the newest version that all live replicas have loaded
with live as (
    select replica, names, versions from saga.replica where seen_at > now() - make_interval(secs => $1)
)
select common.name, max(common.version) as version
from (
    select loaded.name, loaded.version
    from live
    cross join lateral (select distinct u.name, u.version from unnest(live.names, live.versions) as u(name, version)) as loaded
    group by loaded.name, loaded.version
    having count(*) = (select count(*) from live)
) as common
group by common.name;
