/**
 * Confidence returns (ADR 9). Once a person's decision about a dead letter holds, what was lowered for it is raised again,
 * as far as nothing else is held against it. Any server may do it, again and again: each step is idempotent, and finds its
 * work in the tables, so that a crash leaves nothing behind but a little to do for the next round.
 */
import type { Pool } from 'pg';
import { capOf } from '../decision/decide.js';
import type { PipelineFacts, ResultState } from '../decision/state.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import type { Highest } from '../position/highest.js';
import { eventsOfRow } from '../staleness/transitions.js';
import { changedKeys, documents } from './commit.js';
import { lockReplayed, noteSettled, readRaisable, readUnraised, type StoredLetter } from './letters.js';
import { beginOn } from './postgres.js';
import { checkedTick } from './rewound.js';

/** Rows raised in one transaction. */
const AT_ONCE = 500;
const REASON = 'VIOLATION_DEAD_LETTER';

interface Facts {
  readonly result_topic: string;
  readonly result_partition: number;
  readonly facts: PipelineFacts;
}

const factsOf = async (pool: Pick<Pool, 'query'>, pipeline: string): Promise<Facts[]> =>
  (
    await pool.query<Facts>('select result_topic, result_partition, facts from pipeline_facts where pipeline = $1', [
      pipeline,
    ])
  ).rows;

/**
 * Has the pipeline counted this source record, or said what else became of it, in every one of its result partitions? Its
 * heartbeats say so: all that it makes of records below `nextOffset` stands before them in the log. Pure.
 */
export function counted(
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
  facts: readonly PipelineFacts[],
): boolean {
  const beyond = ({ assignments, heartbeats }: PipelineFacts): boolean => {
    const run = assignments[partition]?.run;
    const next = run === undefined ? undefined : heartbeats[run]?.sources[partition]?.nextOffset;
    return next !== undefined && BigInt(next) > offset;
  };
  return facts.length > 0 && facts.every(beyond);
}

/** What is left of a result's reasons, and the level that they allow. */
export function raise(row: ResultState): ResultState {
  const reasons = row.reasons.filter((reason) => reason !== REASON);
  return { ...row, reasons, cap: capOf(reasons) };
}

/** Replays that have been counted are settled, all in one position. */
async function settleReplayed(pool: Pool, highest: Highest): Promise<void> {
  const { tx, client } = await beginOn(pool);
  try {
    const waiting = await lockReplayed(client);
    const settled: bigint[] = [];
    for (const pipeline of new Set(waiting.map(({ reportedBy }) => reportedBy))) {
      const facts = (await factsOf(pool, pipeline)).map((row) => row.facts);
      const done = ({ reportedBy, replay }: StoredLetter): boolean =>
        reportedBy === pipeline && replay !== null && counted(replay, facts);
      settled.push(...waiting.filter(done).map(({ id }) => id));
    }
    if (settled.length === 0) return;
    const tick = await checkedTick(highest, () => tx.takeClock());
    await noteSettled(client, settled, 'REPLAYED', tick);
    await tx.writeLog(tick, '[]', []);
    await tx.commit();
    highest.note(tick);
  } finally {
    await tx.abort();
  }
}

/** Raises rows of one result partition, behind its lock as whoever writes a row. @returns how many */
async function raiseSome(pool: Pool, highest: Highest, { result_topic: topic, result_partition: partition }: Facts) {
  const { tx, client } = await beginOn(pool);
  try {
    // The engine of a place matters to decoding only; nothing is decoded here.
    const place = { topic, partition, engine: 'KAFKA_ONLY' } as const;
    await tx.lockOffsets(place);
    const keys = await readRaisable(client, topic, partition, AT_ONCE);
    if (keys.length === 0) return 0;
    const before = await tx.readRows(keys);
    const rows = [...before.values()].map(raise);
    const tick = await checkedTick(highest, () => tx.takeClock());
    await tx.writeRows(
      place,
      tick,
      rows.map((row) => ({ row, source: null, fresh: false })),
    );
    await withdrawRequests(client, keys);
    const eventsOf = (row: ResultState) =>
      eventsOfRow({ before: before.get(keyOf(row)) ?? null, after: row, late: false });
    await tx.writeEvents(tick, rows.flatMap(eventsOf));
    await tx.writeLog(tick, changedKeys(rows), documents(rows));
    await tx.commit();
    highest.note(tick);
    return keys.length;
  } finally {
    await tx.abort();
  }
}

/** Nothing has to be recomputed for a letter that is settled. */
async function withdrawRequests(client: Pick<Pool, 'query'>, keys: readonly ResultKey[]): Promise<void> {
  await client.query(
    `delete from reprocessing_requests r using unnest($1::text[], $2::text[], $3::text[]) as k(kind, business_key, engine)
     where r.kind = k.kind and r.business_key = k.business_key and r.engine = k.engine and r.reason = '${REASON}' and r.state = 'OPEN'`,
    [keys.map((key) => key.kind), keys.map((key) => key.businessKey), keys.map((key) => key.engine)],
  );
}

async function raiseAll(pool: Pool, highest: Highest): Promise<void> {
  const letters = await readUnraised(pool);
  if (letters.length === 0) return;
  for (const pipeline of new Set(letters.map(({ reportedBy }) => reportedBy))) {
    for (const place of await factsOf(pool, pipeline)) while ((await raiseSome(pool, highest, place)) === AT_ONCE);
  }
  // Only now: a crash before this line begins the round again.
  await pool.query('update dead_letters set raised = true where id = any($1::bigint[])', [letters.map(({ id }) => id)]);
}

/** One round. @throws whatever Postgres says; the next round goes on */
export async function settle(pool: Pool, highest: Highest): Promise<void> {
  await settleReplayed(pool, highest);
  await raiseAll(pool, highest);
}
