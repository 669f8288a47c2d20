-- breaking: no -- a replica of the release before writes its heartbeat without it, and is shown with an empty release

alter table saga.replica add column release text not null default '';
