-- stage: records of this transaction, claimed by who writes them
insert into outbox (id, aggregatetype, aggregateid, type, payload, topic, key, headers, claimed_until)
select id, aggregatetype, aggregateid, type, payload, topic, key, headers::json, clock_timestamp() + make_interval(secs => $9)
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[])
     with ordinality as staged (id, aggregatetype, aggregateid, type, payload, topic, key, headers, place)
order by place;

-- claim: what nobody sends any more, oldest first, ours from now on
update outbox set claimed_until = clock_timestamp() + make_interval(secs => $2)
where id in (select id from outbox where claimed_until <= clock_timestamp() order by seq limit $1 for update skip locked)
returning id, seq, topic, key, payload, headers;

-- sent: acknowledged by the broker
delete from outbox where id = any($1::uuid[]);
