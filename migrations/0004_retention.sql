-- Up Migration

-- Results last changed at or below the largest of these positions have expired (docs/adr/0010): for every reader, in every store,
-- wherever they still lie. A floor only rises. The older ones say since when, because what expired long ago may be removed.
create table result_floors (
  position bigint primary key,
  raised_at_us bigint not null
);

-- Kinds of which any result has expired. `until`: no such result is about an event, or has a key or a place in a listing, later
-- than this text; null: nothing is known.
create table expired_kinds (
  kind text collate "C" not null,
  engine text collate "C" not null,
  until text collate "C",
  primary key (kind, engine)
);

create index results_by_position on results (position);
