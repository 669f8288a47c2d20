-- keep: a record that cannot be answered; a copy of it changes nothing
insert into set_aside (topic, partition, "offset", digest, reason, detail, key, value, headers)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::json)
on conflict do nothing;
