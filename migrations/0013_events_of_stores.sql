-- Up Migration

-- Events of stores beside those of results and pipelines (docs/adr/0016): they belong to no run.
alter table staleness_events
  alter column pipeline drop not null,
  alter column run drop not null,
  alter column engine drop not null,
  add column store text;
create index staleness_events_by_store on staleness_events (store, position, ordinal) where store is not null;

-- Up to this event, not only its position: a deletion may end in the middle of a transaction.
alter table staleness_events_pruned add column ordinal integer not null default 2147483647;

-- How each store stood when it was looked at last, and which of the servers looks. Whoever changes a row writes the event in the
-- same transaction; the change names the state that it leaves, so that of two servers one finds nothing to change.
create table store_states (
  store text primary key,
  state text not null,
  since_us bigint not null
);
create table store_watch (
  singleton boolean primary key default true check (singleton),
  holder uuid not null,
  until_us bigint not null
);
insert into store_watch (holder, until_us) values ('00000000-0000-0000-0000-000000000000', 0);

-- The history of Postgres that an event belongs to: after a restore from a copy, positions begin anew where the copy ends. null: an
-- event of before this column.
alter table staleness_events add column incarnation uuid;
