-- Up Migration

-- A dead letter is held against results until a person has replayed or dismissed it, and a replayed source record only until
-- the pipeline has counted the replay (docs/adr/0009-*). The row of the letter is that fact: readers look at what is not
-- settled, in the snapshot of their proof.
alter table dead_letters
  -- The position that last changed what the letter is held against: readers look again only when the newest of these moves.
  add column changed_position bigint,
  -- Where the replay of a source record lies in its topic.
  add column replay_partition integer,
  add column replay_offset bigint,
  -- The position from which on it is held against nothing; null: it is.
  add column settled_position bigint,
  -- Rows that were lowered for it have been raised again.
  add column raised boolean not null default false;
update dead_letters set changed_position = position;
alter table dead_letters alter column changed_position set not null;

create index dead_letters_by_change on dead_letters (changed_position);
create index dead_letters_by_report on dead_letters (reported_by, partition, record_offset);
create index dead_letters_held on dead_letters (reported_by, topic, partition, kafka_key, record_offset) where settled_position is null;
create index dead_letters_to_settle on dead_letters (id) where state <> 'OPEN' and not raised;
create index results_dead_lettered on results (result_topic, result_partition) where reasons @> array['VIOLATION_DEAD_LETTER'];
