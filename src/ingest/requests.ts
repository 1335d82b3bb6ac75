/** Reprocessing requests in an ingest transaction: which of them a record answers, which are made, which are done. SQL only. */
import type { ClientBase } from 'pg';
import type { Plan } from '../decision/plan.js';
import type { SourcePlace, Verification } from '../decision/state.js';
import type { ResultKey } from '../position/commit-log.js';
import type { Tick } from './port.js';

/** A recomputed result, as it says of itself. */
export interface Answer extends ResultKey {
  readonly verification: Verification;
}

/** Text that Postgres takes for a uuid; anything else is nobody's nonce. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Of these answers, the ones whose request is open: same number, nonce, key and engine; with what it asks to have read.
 * Locked, so that nobody adds to what is asked until the answer is taken in.
 */
export async function openRequests(
  client: ClientBase,
  answers: readonly Answer[],
): Promise<Map<string, readonly SourcePlace[]>> {
  const asked = answers.filter(({ verification }) => UUID.test(verification.nonce));
  if (asked.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; source_partition: number | null; source_offset: string | null }>({
    name: 'open-requests',
    text: `select r.id, r.source_partition, r.source_offset
           from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[]) as a(id, nonce, kind, business_key, engine)
           join reprocessing_requests r using (id, nonce, kind, business_key, engine)
           where r.state = 'OPEN' order by r.id for update of r`,
    values: [
      asked.map(({ verification }) => verification.request),
      asked.map(({ verification }) => verification.nonce),
      asked.map((answer) => answer.kind),
      asked.map((answer) => answer.businessKey),
      asked.map((answer) => answer.engine),
    ],
  });
  return new Map(
    rows.map(({ id, source_partition: partition, source_offset: offset }) => [
      id,
      partition === null || offset === null ? [] : [{ partition: String(partition), offset: Number(offset) }],
    ]),
  );
}

/** A key that has an open request keeps that one; it must then reach this event, too. */
export async function writeRequests(client: ClientBase, tick: Tick, requests: Plan['requests']): Promise<void> {
  if (requests.length === 0) return;
  await client.query({
    name: 'write-requests',
    text: `insert into reprocessing_requests as r
             (kind, business_key, engine, reason, requested_position, source_partition, source_offset)
           select k.kind, k.business_key, k.engine, k.reason, $7, k.source_partition, k.source_offset
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[])
             as k(kind, business_key, engine, reason, source_partition, source_offset)
           order by k.kind, k.business_key
           on conflict (kind, business_key, engine) where state = 'OPEN' do update set
             source_partition = excluded.source_partition,
             source_offset = greatest(r.source_offset, excluded.source_offset)
           where excluded.source_offset is not null`,
    values: [
      requests.map((request) => request.kind),
      requests.map((request) => request.businessKey),
      requests.map((request) => request.engine),
      requests.map((request) => request.reason),
      requests.map(({ source }) => (source === null ? null : Number(source.partition))),
      requests.map(({ source }) => source?.offset ?? null),
      tick.position,
    ],
  });
}

export async function closeRequests(client: ClientBase, tick: Tick, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'close-requests',
    text: `update reprocessing_requests set state = 'DONE', finished_at = now(), finished_position = $2, code = null, message = null
           where id = any($1::bigint[]) and state = 'OPEN'`,
    values: [ids, tick.position],
  });
}
