-- Up Migration

-- What happened to how far results can be trusted (contract.md §9), written by the ingest transaction that it happened in.
-- (position, ordinal) is the one order of all events: the clock is held from before they are written until the commit, so
-- nothing ever appears before something that was already read.
create table staleness_events (
  position bigint not null,
  ordinal integer not null,
  type text not null,
  committed_at_us bigint not null,
  pipeline text not null,
  run text not null,
  engine text not null,
  -- Of the result; null for an event of a pipeline.
  kind text collate "C",
  business_key text collate "C",
  symbol text collate "C",
  -- The cap before and after.
  level_before text,
  level_after text,
  reasons text[] not null,
  message text not null,
  primary key (position, ordinal)
);
-- A run announces itself once in every result partition: it starts once.
create unique index staleness_events_of_runs on staleness_events (pipeline, run) where type = 'RUN_STARTED';
create index staleness_events_by_key on staleness_events (business_key, kind, position, ordinal) where business_key is not null;
create index staleness_events_by_symbol on staleness_events (symbol, position, ordinal) where symbol is not null;

-- Events of this position and below may have been pruned: who goes on from there is told.
create table staleness_events_pruned (
  singleton boolean primary key default true check (singleton),
  position bigint not null
);
insert into staleness_events_pruned (position) values (0);

-- Lists: orders by event time, anomalies by the time of their order, windows by their start; each index holds only the
-- results that have the field, whatever kind they are.
drop index results_by_window;
drop index results_by_symbol;
create index results_by_window on results (kind, engine, ((calculated_value ->> 'window_start') collate "C"), business_key)
  where not deleted and ((calculated_value ->> 'window_start') collate "C") is not null;
create index results_by_symbol_window on results
  (kind, engine, ((calculated_value ->> 'symbol') collate "C"), ((calculated_value ->> 'window_start') collate "C"), business_key)
  where not deleted and ((calculated_value ->> 'window_start') collate "C") is not null;
create index results_by_event_time on results (kind, engine, ((calculated_value ->> 'event_time') collate "C"), business_key)
  where not deleted and ((calculated_value ->> 'event_time') collate "C") is not null;
create index results_by_symbol_event_time on results
  (kind, engine, ((calculated_value ->> 'symbol') collate "C"), ((calculated_value ->> 'event_time') collate "C"), business_key)
  where not deleted and ((calculated_value ->> 'event_time') collate "C") is not null;
create index results_by_detected_at on results (kind, engine, ((calculated_value ->> 'detected_at') collate "C"), business_key)
  where not deleted and ((calculated_value ->> 'detected_at') collate "C") is not null;
create index results_by_symbol_detected_at on results
  (kind, engine, ((calculated_value ->> 'symbol') collate "C"), ((calculated_value ->> 'detected_at') collate "C"), business_key)
  where not deleted and ((calculated_value ->> 'detected_at') collate "C") is not null;
