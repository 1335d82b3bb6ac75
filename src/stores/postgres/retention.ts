/** What keeps the source of truth from growing for ever (contract.md §7: prune only below every applied position, within a bound). */
import type { Pool } from 'pg';
import { minPosition, type Position } from '../../position/position.js';

export interface RetentionLimits {
  /** Positions kept below the lowest applied position: what proofs and restarts look back at. */
  readonly keep: number;
  /** Positions kept at most. A store further behind can't catch up from the log: it is rebuilt. */
  readonly most: number;
  /** Days that refusals, staleness events, settled dead letters of result topics, and the payloads of all settled ones are kept. */
  readonly days: number;
}

const DELETE_AT_ONCE = 10_000;
/** Of one prune: events may come faster than one deletion per round takes them away. */
const EVENT_ROUNDS = 50;

/**
 * Pure: everything below the answer may go.
 * @param applied of every read model; a store whose position is unknown holds back nothing but the bound
 */
export function pruneBelow(
  clock: Position,
  applied: readonly Position[],
  limits: Pick<RetentionLimits, 'keep' | 'most'>,
): bigint {
  const lowest = applied.reduce(minPosition, clock);
  const wanted = lowest - BigInt(limits.keep);
  const bound = clock - BigInt(limits.most);
  return wanted > bound ? wanted : bound;
}

/** One round: bounded deletes, so that no lock is held for long. */
export async function prune(
  pool: Pool,
  clock: Position,
  applied: readonly Position[],
  limits: RetentionLimits,
): Promise<number> {
  const below = pruneBelow(clock, applied, limits);
  const { rowCount } = await pool.query(
    `delete from commit_log where (position, part) in
       (select position, part from commit_log where position < $1 order by position limit ${DELETE_AT_ONCE})`,
    [below],
  );
  for (const [table, closed] of [
    ['refusals', 'true'],
    ['dead_letters', `raised and reported_by = 'ingest'`],
  ] as const) {
    await pool.query(
      `delete from ${table} where id in
         (select id from ${table} where ${closed} and noted_at < now() - make_interval(days => $1) order by id limit ${DELETE_AT_ONCE})`,
      [limits.days],
    );
  }
  // Engines go on naming source records that they could not decode: that they are settled must not be forgotten.
  await pool.query(
    `update dead_letters set payload = null, truncated = true where id in
       (select id from dead_letters where raised and payload is not null and noted_at < now() - make_interval(days => $1)
        order by id limit ${DELETE_AT_ONCE})`,
    [limits.days],
  );
  await pruneRequests(pool, limits.days);
  await pruneEvents(pool, limits.days);
  return rowCount ?? 0;
}

/** Reprocessing requests kept at most, open ones and finished ones. */
const REQUESTS_KEPT = 100_000;

/** What is open beyond the bound is not lost: what can be repaired is found again without a request (reprocessing/queue.ts). */
async function pruneRequests(pool: Pool, days: number): Promise<void> {
  const beyond = (which: string): string =>
    `id < (select id from reprocessing_requests where ${which} order by id desc offset ${REQUESTS_KEPT} limit 1) and ${which}`;
  for (const which of [
    `state <> 'OPEN' and finished_at < now() - make_interval(days => ${days})`,
    beyond(`state <> 'OPEN'`),
    beyond(`state = 'OPEN' and requested_by <> 'person'`),
  ]) {
    await pool.query(
      `delete from reprocessing_requests where id in
         (select id from reprocessing_requests where ${which} order by id limit ${DELETE_AT_ONCE})`,
    );
  }
}

/** How far they are gone is written down with it, so that nobody goes on from there unaware. */
async function pruneEvents(pool: Pool, days: number): Promise<void> {
  for (let round = 0; round < EVENT_ROUNDS; round++) {
    const { rows } = await pool.query<{ pruned: string }>(
      `with old as (
         delete from staleness_events where (position, ordinal) in
           (select position, ordinal from staleness_events
             where committed_at_us < (extract(epoch from now() - make_interval(days => $1)) * 1e6)::bigint
             order by position, ordinal limit ${DELETE_AT_ONCE})
         returning position, ordinal),
       newest as (select position, ordinal from old order by position desc, ordinal desc limit 1),
       pruned as (
         update staleness_events_pruned p set position = n.position, ordinal = n.ordinal
         from newest n where (n.position, n.ordinal) > (p.position, p.ordinal))
       select count(*) as pruned from old`,
      [days],
    );
    if (Number(rows[0]?.pruned ?? 0) < DELETE_AT_ONCE) return;
  }
}
