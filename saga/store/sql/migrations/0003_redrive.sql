-- breaking: no -- an older release goes on burying and holding; a redriven record that dies again there is not opened again
-- What a person did about a dead letter, and whose record is held.

alter table saga.dead_letter
    add column redriven_by text,
    add column redriven_because text,
    add column redrive_id text,
    add column outcome text,
    add column outcome_detail text,
    add column redrives integer not null default 0;

alter table saga.held_record add column tenant text not null default 'default';
