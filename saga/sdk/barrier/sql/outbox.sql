-- stage: records of this transaction, claimed by who writes them
insert into outbox (id, aggregatetype, aggregateid, type, payload, topic, key, headers, claimed_until)
select id, aggregatetype, aggregateid, type, payload, topic, key, headers::json, clock_timestamp() + make_interval(secs => $9)
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[])
     with ordinality as staged (id, aggregatetype, aggregateid, type, payload, topic, key, headers, place)
order by place;

-- settle_and_stage: the same, and with it the state and the first answer of a do, only from the states before an answer; no row if it has one
with settled as (
    update barrier set state = $11, type = $12, body = $13,
           answer_id = $14, answer_type = $15, answer_outcome = $16, answer_body = $17, answered_at = $18, last_seen = $18
    where command_id = $10 and state in ('unknown', 'working')
    returning command_id
)
insert into outbox (id, aggregatetype, aggregateid, type, payload, topic, key, headers, claimed_until)
select id, aggregatetype, aggregateid, type, payload, topic, key, headers::json, clock_timestamp() + make_interval(secs => $9)
from settled, unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[])
     with ordinality as staged (id, aggregatetype, aggregateid, type, payload, topic, key, headers, place)
order by place;

-- claim: what nobody sends any more, oldest first, ours from now on
update outbox set claimed_until = clock_timestamp() + make_interval(secs => $2)
where id in (select id from outbox where claimed_until <= clock_timestamp() order by seq limit $1 for update skip locked)
returning id, seq, topic, key, payload, headers;

-- sent: acknowledged by the broker
delete from outbox where id = any($1::uuid[]);
