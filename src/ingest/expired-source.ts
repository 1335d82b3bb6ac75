/**
 * A result that can't be recomputed because the source no longer reaches back to its first event says so itself (contract.md §3,
 * SOURCE_EXPIRED): not only its request. Nobody recomputed anything, so nothing comes through the result topic; its row is written
 * behind the lock of its partition, as by whoever writes a row.
 */
import type { Pool } from 'pg';
import { lower } from '../decision/decide.js';
import type { ResultState } from '../decision/state.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import type { Highest } from '../position/highest.js';
import type { ProcessingEngine } from '../words.js';
import { eventsOfRow } from '../staleness/transitions.js';
import { changedKeys, documents } from './commit.js';
import { beginOn } from './postgres.js';
import { checkedTick } from './rewound.js';

/** Rows lowered in one transaction. */
const AT_ONCE = 500;
const REASON = 'VIOLATION_SOURCE_EXPIRED';

export interface Unreachable {
  /** Of the request. */
  readonly id: string;
  /** One sentence: which partition begins where. */
  readonly message: string;
}

interface Asked {
  readonly id: string;
  readonly requested_by: string;
  readonly kind: string;
  readonly business_key: string;
  readonly engine: ProcessingEngine;
  readonly result_topic: string | null;
  readonly result_partition: number | null;
}

/** A person may ask for anything: what was not in doubt before is not in doubt because it can't be looked up again. */
const doubted = (row: ResultState, { requested_by: by }: Asked): boolean => by !== 'person' || row.cap === 'LOW';

const keyOfAsked = ({ kind, business_key: businessKey, engine }: Asked): ResultKey => ({ kind, businessKey, engine });

async function askedFor(pool: Pool, gone: readonly Unreachable[]): Promise<Asked[]> {
  const { rows } = await pool.query<Asked>(
    `select q.id, q.requested_by, q.kind, q.business_key, q.engine, r.result_topic, r.result_partition
     from reprocessing_requests q left join results r using (kind, business_key, engine)
     where q.id = any($1::bigint[]) and q.state = 'OPEN' order by q.kind, q.business_key`,
    [gone.map(({ id }) => id)],
  );
  return rows;
}

const FAIL = `update reprocessing_requests q set state = 'FAILED', code = 'SOURCE_EXPIRED', message = g.message,
    finished_at = now(), finished_position = coalesce($3, (select position from commit_clock))
  from unnest($1::bigint[], $2::text[]) as g(id, message) where q.id = g.id and q.state = 'OPEN' returning q.id`;

/** Requests of one result partition, in one position. */
async function lowerSome(pool: Pool, highest: Highest, asked: readonly Asked[], why: Map<string, string>) {
  const { result_topic: topic, result_partition: partition } = asked[0] ?? {};
  if (topic == null || partition == null) {
    await pool.query(FAIL, [asked.map(({ id }) => id), asked.map(({ id }) => why.get(id)), null]);
    return;
  }
  const { tx, client } = await beginOn(pool);
  try {
    // The engine of a place matters to decoding only; nothing is decoded here.
    const place = { topic, partition, engine: 'KAFKA_ONLY' } as const;
    await tx.lockOffsets(place);
    // Answered meanwhile by another server: then it was not beyond that one's reach.
    const { rows: open } = await client.query<{ id: string }>(
      `select id from reprocessing_requests where id = any($1::bigint[]) and state = 'OPEN' for update`,
      [asked.map(({ id }) => id)],
    );
    const still = asked.filter(({ id }) => open.some((own) => own.id === id));
    if (still.length === 0) return;
    const before = await tx.readRows(still.map(keyOfAsked));
    const rows = still.flatMap((one) => {
      const row = before.get(keyOf(keyOfAsked(one)));
      return row !== undefined && doubted(row, one) ? [lower(row, REASON)] : [];
    });
    const tick = await checkedTick(highest, () => tx.takeClock());
    await tx.writeRows(
      place,
      tick,
      rows.map((row) => ({ row, source: null, fresh: false })),
    );
    const events = rows.flatMap((after) =>
      eventsOfRow({ before: before.get(keyOf(after)) ?? null, after, late: false }),
    );
    await tx.writeEvents(tick, events);
    await client.query(FAIL, [still.map(({ id }) => id), still.map(({ id }) => why.get(id)), tick.position]);
    await tx.writeLog(tick, changedKeys(rows), documents(rows));
    await tx.commit();
    highest.note(tick);
  } finally {
    await tx.abort();
  }
}

/** Ends these requests as failed, and holds against their rows that nothing can verify them. Idempotent. */
export async function holdSourceExpired(pool: Pool, highest: Highest, gone: readonly Unreachable[]): Promise<void> {
  const why = new Map(gone.map(({ id, message }) => [id, message]));
  const places = new Map<string, Asked[]>();
  for (const one of await askedFor(pool, gone)) {
    const place = `${one.result_topic}/${one.result_partition}`;
    places.set(place, [...(places.get(place) ?? []), one]);
  }
  for (const asked of places.values()) {
    for (let at = 0; at < asked.length; at += AT_ONCE)
      await lowerSome(pool, highest, asked.slice(at, at + AT_ONCE), why);
  }
}
