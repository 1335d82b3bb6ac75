-- Up Migration

-- What a read model holds otherwise than `results` (docs/adr/0018), written down before it is repaired. Readers of that store hold it
-- against the key, in the snapshot of their proof, until the store has applied the position at which the repair was verified.
create table store_divergences (
  store text not null,
  kind text collate "C" not null,
  engine text not null,
  business_key text collate "C" not null,
  type text not null check (type in ('MISSING', 'LEFT_BEHIND', 'VALUE', 'EXTRA')),
  -- Of the document that was found last; null: there was none, or it has none.
  document_position bigint,
  found_position bigint not null,
  found_at_us bigint not null,
  -- The position at which its repair was verified; null: it was not.
  settled_position bigint,
  settled_at_us bigint,
  primary key (store, kind, engine, business_key)
);

-- How far the walk through each store has come, and which of the servers walks.
create table store_audits (
  store text primary key,
  kind text collate "C" not null default '',
  engine text not null default '',
  after_key text collate "C" not null default '',
  -- Times that everything was compared.
  rounds bigint not null default 0,
  holder uuid not null default '00000000-0000-0000-0000-000000000000',
  until_us bigint not null default 0
);
