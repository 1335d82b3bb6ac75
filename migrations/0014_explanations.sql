-- Up Migration

-- Why a row has its cap, in few bytes (docs/adr/0017): the words that the decision table saw, and what is held against the row beside.
-- The cap and its reasons follow from this alone. null: written before this column.
alter table results add column decided text;
-- The position that made the row; null: made before this column.
alter table results add column first_position bigint;
-- The same of the row that an event tells of, as the event left it: the history of a key's level is read from its events.
alter table staleness_events add column decided text;
-- Events that lower many results at once name none of them.
create index staleness_events_of_no_key on staleness_events (position, ordinal) where business_key is null;
