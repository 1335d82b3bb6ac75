-- Up Migration

-- What was refused of one result, newest first.
create index refusals_by_key on refusals (business_key, kind, engine, id);
-- Requests of one state, newest first; and how many are open on a person's word, which is bounded.
create index reprocessing_requests_by_state on reprocessing_requests (state, id);
create index reprocessing_requests_of_persons on reprocessing_requests (id) where state = 'OPEN' and requested_by = 'person';
