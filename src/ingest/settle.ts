/**
 * Confidence returns (ADR 9). Once a person's decision about a dead letter holds, what was lowered for it is raised again,
 * as far as nothing else is held against it. Any server may do it, again and again: each step is idempotent, and finds its
 * work in the tables, so that a crash leaves nothing behind but a little to do for the next round.
 */
import type { Pool } from 'pg';
import { capOf } from '../decision/decide.js';
import { forgiven } from '../decision/decided.js';
import { slowest } from '../decision/progress.js';
import { NO_FACTS, type PipelineFacts, type ResultState } from '../decision/state.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import type { Highest } from '../position/highest.js';
import type { ProcessingEngine } from '../words.js';
import { eventsOfRow } from '../staleness/transitions.js';
import { changedKeys, documents } from './commit.js';
import { lockReplayed, noteSettled, readRaisable, readUnraised, type StoredLetter } from './letters.js';
import { beginOn } from './postgres.js';
import { checkedTick } from './rewound.js';

/** Rows raised in one transaction. */
const AT_ONCE = 500;
const REASON = 'VIOLATION_DEAD_LETTER';

interface Facts {
  readonly engine: ProcessingEngine;
  readonly result_topic: string;
  readonly result_partition: number;
  readonly facts: PipelineFacts;
}

const factsOf = async (pool: Pick<Pool, 'query'>, pipeline: string): Promise<Facts[]> => {
  const { rows } = await pool.query<Facts>(
    'select engine, result_topic, result_partition, facts from pipeline_facts where pipeline = $1',
    [pipeline],
  );
  // What a release before 0.3.0 wrote knows less.
  return rows.map((row) => ({ ...row, facts: { ...NO_FACTS, ...row.facts } }));
};

/** Of several pipelines with checkpoints nobody knows whose source was looked at. */
async function onlyOne(pool: Pick<Pool, 'query'>, engine: ProcessingEngine): Promise<boolean> {
  const { rows } = await pool.query('select distinct pipeline from pipeline_facts where engine = $1 limit 2', [engine]);
  return rows.length === 1;
}

/** Source partition → next offset: everything below is counted by the one pipeline with checkpoints, and accepted (monitor/accepted.ts). */
export type Accepted = ReadonlyMap<number, bigint>;
const NOTHING_ACCEPTED: Accepted = new Map();

/**
 * Has the pipeline counted this source record, or said what else became of it, in every one of its result partitions? Its
 * heartbeats say so: all that it makes of records below `nextOffset` stands before them in the log. Of an engine with
 * checkpoints all subtasks must have said so, unless it was seen otherwise. Pure.
 */
export function counted(
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
  facts: readonly PipelineFacts[],
  accepted: Accepted = NOTHING_ACCEPTED,
): boolean {
  const beyond = ({ assignments, heartbeats, current }: PipelineFacts): boolean => {
    const run = assignments[partition]?.run;
    const next =
      current === null
        ? heartbeats[run ?? '']?.sources[partition]?.nextOffset
        : slowest(current.progress, current.subtasks)[partition];
    return BigInt(next ?? 0) > offset || (current !== null && (accepted.get(partition) ?? 0n) > offset);
  };
  return facts.length > 0 && facts.every(beyond);
}

/** What is left of a result's reasons, and the level that they allow. */
export function raise(row: ResultState): ResultState {
  const reasons = row.reasons.filter((reason) => reason !== REASON);
  return { ...row, reasons, cap: capOf(reasons), decided: forgiven(row.decided, REASON) };
}

/** Replays that have been counted are settled, all in one position. */
async function settleReplayed(pool: Pool, highest: Highest, accepted: () => Accepted): Promise<void> {
  const { tx, client } = await beginOn(pool);
  try {
    const waiting = await lockReplayed(client);
    const settled: bigint[] = [];
    for (const pipeline of new Set(waiting.map(({ reportedBy }) => reportedBy))) {
      const places = await factsOf(pool, pipeline);
      const facts = places.map((row) => row.facts);
      const looked = places[0]?.engine === 'FLINK' && (await onlyOne(pool, 'FLINK'));
      const seen = looked ? accepted() : NOTHING_ACCEPTED;
      const done = ({ reportedBy, replay }: StoredLetter): boolean =>
        reportedBy === pipeline && replay !== null && counted(replay, facts, seen);
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

/**
 * One round.
 * @param accepted asked only while somebody waits for an engine with checkpoints
 * @throws whatever Postgres says; the next round goes on
 */
export async function settle(pool: Pool, highest: Highest, accepted: () => Accepted): Promise<void> {
  await settleReplayed(pool, highest, accepted);
  await raiseAll(pool, highest);
}
