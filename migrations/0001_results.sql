-- Up Migration

-- The commit clock: one row, locked only while an ingest transaction writes and commits (contract.md §6). It numbers
-- the accepted transactions without holes and in commit order, which sequences and LSNs do not.
create table commit_clock (
  singleton boolean primary key default true check (singleton),
  position bigint not null,
  nonce uuid not null,
  -- The nonce of position - 1.
  predecessor uuid not null,
  -- Microseconds since the epoch, never going back: greatest(clock_timestamp(), previous + 1 µs).
  committed_at_us bigint not null,
  -- A new one whenever history may have forked (restored, promoted, rewound): positions of another are not comparable.
  incarnation uuid not null,
  system_identifier text not null,
  timeline integer not null
);

-- The commit log: a transactional outbox, the only table that CDC publishes (contract.md §7). Insert-only for CDC;
-- retention deletes from it, which the publication leaves out.
create table commit_log (
  position bigint not null,
  part integer not null,
  parts integer not null check (parts > part and part >= 0),
  nonce uuid not null,
  predecessor uuid not null,
  incarnation uuid not null,
  committed_at_us bigint not null,
  -- [[kind, business_key, engine, cap, [reason, …]], …] of the whole transaction, in part 0 only: what a proof reads.
  keys json not null,
  -- A JSON array of whole documents, as text: nothing reads into it here, so it is not parsed here.
  documents text not null,
  document_count integer not null,
  primary key (position, part)
);
create publication tidemark_commit_log for table commit_log with (publish = 'insert');

-- The results: the source of truth. One row per (kind, business key, engine).
-- Text compares by bytes ("C"), whatever the locale of the cluster: every store must order alike.
create table results (
  kind text collate "C" not null,
  business_key text collate "C" not null,
  engine text collate "C" not null check (engine in ('KAFKA_ONLY', 'FLINK')),
  calculated_value jsonb not null,
  deleted boolean not null,
  final boolean not null,
  stale boolean not null,
  cap text not null check (cap in ('HIGH', 'EVENTUALLY_CONSISTENT', 'LOW')),
  reasons text[] not null,
  pipeline text not null,
  result_topic text not null,
  result_partition integer not null,
  result_offset bigint not null,
  run text not null,
  subtask integer not null,
  lineage jsonb not null,
  seq bigint,
  epoch bigint,
  delivery text,
  revision integer not null,
  cause text not null,
  -- events, digest, duplicates_dropped, coverage, max_event_time, lost: as the engine reported them.
  evidence jsonb not null,
  last_checkpoint_time timestamptz,
  position bigint not null,
  committed_at_us bigint not null,
  primary key (kind, business_key, engine)
);
create index results_by_window on results (kind, engine, ((calculated_value ->> 'window_start') collate "C"), business_key) where not deleted;
create index results_by_symbol on results (kind, engine, ((calculated_value ->> 'symbol') collate "C"), ((calculated_value ->> 'window_start') collate "C"), business_key) where not deleted;

-- Consumed so far, per result partition. Locked first by every ingest transaction: a second consumer or a zombie
-- conflicts here, before any effect. Kafka's own committed offset is only a hint.
create table ingest_offsets (
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  -- The last consumed record and its digest, read again on resume: a re-created topic does not go unnoticed.
  last_offset bigint,
  last_digest bytea,
  -- Set when records were lost before they could be read; a person clears it. See docs/OPERATIONS.md.
  gap text,
  primary key (topic, partition)
);

-- What is known of a pipeline, per result partition: runs, assignments, sequence numbers, heartbeats.
create table pipeline_facts (
  pipeline text not null,
  result_topic text not null,
  result_partition integer not null,
  engine text not null,
  position bigint not null,
  -- json, not jsonb: the order of its keys is the age of its runs.
  facts json not null,
  primary key (pipeline, result_topic, result_partition)
);

-- Refused results, with both values.
create table refusals (
  id bigint generated always as identity primary key,
  position bigint not null,
  kind text not null,
  business_key text not null,
  engine text not null,
  reason text not null,
  stored jsonb,
  refused jsonb not null,
  result_topic text not null,
  result_partition integer not null,
  result_offset bigint not null,
  noted_at timestamptz not null default now(),
  unique (result_topic, result_partition, result_offset)
);

-- Undecodable records, of the source (reported by the engine) and of the result topics (found by ingest).
create table dead_letters (
  id bigint generated always as identity primary key,
  position bigint not null,
  topic text not null,
  partition integer not null,
  record_offset bigint not null,
  kafka_key text,
  cause text not null,
  message text not null,
  payload bytea,
  truncated boolean not null,
  state text not null default 'OPEN' check (state in ('OPEN', 'REPLAYED', 'DISMISSED')),
  reported_by text not null,
  noted_at timestamptz not null default now(),
  unique (topic, partition, record_offset, reported_by)
);

-- Results that only a recomputation from the source can repair (contract.md §3). Written here; worked off by the
-- reprocessing of Mode B.
create table reprocessing_requests (
  kind text not null,
  business_key text not null,
  engine text not null,
  reason text not null,
  requested_position bigint not null,
  primary key (kind, business_key, engine)
);
