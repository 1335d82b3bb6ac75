-- Up Migration

-- Where output was lost (docs/adr/0019): all results that the source makes there are looked for, and those without a row asked for.
create table loss_censuses (
  pipeline text not null,
  result_topic text not null,
  result_partition integer not null,
  -- As in the facts of the pipeline: where the loss was noticed.
  loss_offset bigint not null,
  engine text not null,
  state text not null default 'OPEN' check (state in ('OPEN', 'DONE', 'FAILED')),
  noticed_at timestamptz not null default now(),
  -- Source partition -> next offset: what lies below may have been lost. Where the source ended when it was first read.
  up_to json,
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  -- Results that were missing when it was last looked.
  missing integer,
  finished_at timestamptz,
  code text,
  message text,
  -- One at a time: what was lost later is looked for together with what was lost before.
  primary key (pipeline, result_topic, result_partition)
);

-- Of a result without a row: where its key does not say it, nobody else knows.
alter table reprocessing_requests add column symbol text;
