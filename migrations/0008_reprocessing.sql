-- Up Migration

-- Requests become a queue that servers share (docs/adr/0013). At most one is open per result.
alter table reprocessing_requests drop constraint reprocessing_requests_pkey;
alter table reprocessing_requests
  add column id bigint generated always as identity primary key,
  -- Who answers a request knows it; ingest believes nobody else.
  add column nonce uuid not null default gen_random_uuid(),
  add column state text not null default 'OPEN' check (state in ('OPEN', 'DONE', 'FAILED')),
  -- 'ingest' what it found, 'person', 'sweep' what a restart touched.
  add column requested_by text not null default 'ingest',
  add column requested_at timestamptz not null default now(),
  -- An event that the answer must have read: it was dropped there.
  add column source_partition integer,
  add column source_offset bigint,
  -- Not worked on before. Whoever works on it moves this ahead; what was killed meanwhile is taken up again then.
  add column due_at timestamptz not null default now(),
  add column attempts integer not null default 0,
  -- Source partition -> next offset: how far the newest answer had read.
  add column up_to json,
  add column finished_at timestamptz,
  add column finished_position bigint,
  -- Why it failed, or why the last attempt did: a stable code, and a sentence.
  add column code text,
  add column message text;
create unique index reprocessing_requests_open on reprocessing_requests (kind, business_key, engine) where state = 'OPEN';
create index reprocessing_requests_by_key on reprocessing_requests (business_key, kind, engine);
create index reprocessing_requests_due on reprocessing_requests (due_at) where state = 'OPEN';
create index reprocessing_requests_finished on reprocessing_requests (finished_at) where state <> 'OPEN';

-- The nonce of the newest verified fold of the key: what is emitted from a state that was reset to it is held to no older taint.
alter table results add column verification uuid;
-- What may have to be recomputed, found without a request.
create index results_low on results (position) where cap = 'LOW';
create index results_open_by_run on results (result_topic, result_partition, run)
  where engine = 'KAFKA_ONLY' and not final and cause <> 'REPROCESSED';
