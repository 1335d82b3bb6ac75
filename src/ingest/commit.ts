/**
 * The ingest transaction: a batch of one result partition into Postgres, exactly once (contract.md §6).
 *
 * The order of its steps is what makes it sound; each step says why it stands where it stands.
 */
import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { needs, plan, type Loaded, type Plan } from '../decision/plan.js';
import type { Incoming, IncomingResult } from '../decision/state.js';
import { AppError } from '../errors.js';
import type { LogRecord } from '../log/port.js';
import type { Highest } from '../position/highest.js';
import { micros, type Micros } from '../position/position.js';
import { eventsOf } from '../staleness/transitions.js';
import { encodeDocument } from '../stores/document.js';
import { NOW_US, takeClock, writeLog, type Tick } from './clock.js';
import { copyBatch, prepareBatchTable } from './copy.js';
import type { DeadLetter, Decoded, Place, Provenance } from './decode.js';
import { writeEvents } from './events.js';
import {
  readFacts,
  readRows,
  writeDeadLetters,
  writeFacts,
  writeRefusals,
  writeRequests,
  writeRows,
} from './tables.js';

export interface Batch {
  readonly place: Place;
  /** The partition goes on here, as far as this consumer knows: Postgres may be further, never less far. */
  readonly expected: bigint;
  /** In offset order, never empty, with what each was decoded to. */
  readonly records: readonly { readonly record: LogRecord; readonly decoded: Decoded }[];
}

export interface Committed {
  /** null: every record had been consumed before, nothing was written. */
  readonly tick: Tick | null;
  readonly consumed: number;
  readonly rows: number;
  readonly deadLetters: number;
  readonly refusals: number;
}

/** Called between the steps: the lab and the tests break in there. */
export type CrashPoint = 'copied' | 'locked' | 'written' | 'committed';
export type Hook = (point: CrashPoint) => void | Promise<void>;

export const digestOf = (record: LogRecord): Buffer =>
  createHash('sha256')
    .update(record.value ?? '')
    .digest();

interface Split {
  readonly incoming: Incoming[];
  readonly results: IncomingResult[];
  readonly provenance: Map<number, Provenance>;
  readonly letters: DeadLetter[];
}

function split(records: Batch['records']): Split {
  const out: Split = { incoming: [], results: [], provenance: new Map(), letters: [] };
  for (const { decoded } of records) {
    if (decoded.type === 'dead-letter') out.letters.push(decoded.letter);
    if (decoded.record === null) continue;
    out.incoming.push(decoded.record);
    if (decoded.type === 'accepted' && decoded.record.type === 'result' && decoded.provenance !== null) {
      out.results.push(decoded.record);
      out.provenance.set(decoded.record.ordinal, decoded.provenance);
    }
  }
  return out;
}

interface OffsetRow {
  next_offset: string;
  now_us: string;
}

/** Locks the partition's offsets. A second consumer or a zombie waits here, and then sees how far the other has come. */
async function lockOffsets(client: PoolClient, place: Place): Promise<{ next: bigint; now: Micros }> {
  const { rows } = await client.query<OffsetRow>({
    name: 'lock-offsets',
    text: `select next_offset, ${NOW_US} as now_us from ingest_offsets where topic = $1 and partition = $2 for update`,
    values: [place.topic, place.partition],
  });
  if (rows[0] === undefined) {
    throw new AppError(
      'INGEST_NOT_STARTED',
      `${place.topic}/${place.partition} has no row in ingest_offsets: it must be started first.`,
      {
        retryable: true,
        outcome: 'none',
      },
    );
  }
  return { next: BigInt(rows[0].next_offset), now: micros(rows[0].now_us) };
}

async function load(client: PoolClient, place: Place, incoming: readonly Incoming[]): Promise<Loaded> {
  const keys = needs(incoming);
  const facts = await readFacts(client, place);
  const rows = await readRows(client, keys);
  return { facts, rows };
}

const changedKeys = (planned: Plan): string =>
  JSON.stringify(
    [...planned.rows.values()].map(({ row }) => [row.kind, row.businessKey, row.engine, row.cap, row.reasons]),
  );

const documents = (planned: Plan): string[] =>
  [...planned.rows.values()].map(({ row }) => JSON.stringify(encodeDocument(row)));

async function write(
  client: PoolClient,
  batch: Batch,
  parts: Split,
  planned: Plan,
  loaded: Loaded,
  highest: Highest,
): Promise<Tick> {
  const { place, records } = batch;
  const last = records.at(-1)?.record;
  if (last === undefined) throw new Error('a batch is never empty');
  // What needs no position and conflicts with nobody is prepared before the clock is taken.
  const keys = changedKeys(planned);
  const docs = documents(planned);
  const events = eventsOf({
    engine: place.engine,
    records: parts.incoming,
    before: loaded,
    after: planned.rows,
    refused: planned.refusals,
  });
  const tick = await takeClock(client, highest);
  await writeRows(client, place, tick, [...planned.rows.values()]);
  await writeRefusals(client, place, tick, planned.refusals, parts.provenance);
  await writeRequests(client, tick, planned.requests);
  await writeDeadLetters(client, tick, parts.letters);
  await writeEvents(client, tick, events);
  await writeFacts(client, place, tick, loaded.facts, planned.facts);
  await client.query({
    name: 'advance-offsets',
    text: `update ingest_offsets set next_offset = $3, last_offset = $4, last_digest = $5 where topic = $1 and partition = $2`,
    values: [place.topic, place.partition, last.offset + 1n, last.offset, digestOf(last)],
  });
  // The log row comes last: whoever reads it finds all that it speaks of.
  await writeLog(client, tick, keys, docs);
  return tick;
}

/** Postgres was restored behind us: what lies between must be read again, so the partition is started anew. */
const offsetsRewound = (place: Place, next: bigint, expected: bigint): AppError =>
  new AppError(
    'INGEST_REWOUND',
    `${place.topic}/${place.partition}: Postgres goes on at ${next}, this consumer at ${expected}.`,
    {
      retryable: true,
      outcome: 'none',
    },
  );

const NOTHING: Committed = { tick: null, consumed: 0, rows: 0, deadLetters: 0, refusals: 0 };

async function transact(client: PoolClient, batch: Batch, highest: Highest, hook: Hook): Promise<Committed> {
  const { place } = batch;
  const all = split(batch.records);
  // Copied before any lock: the bytes travel while nobody waits.
  if (all.results.length > 0) await copyBatch(client, all.results, all.provenance);
  await hook('copied');
  // Offsets first: a second consumer conflicts here, before any effect.
  const { next, now } = await lockOffsets(client, place);
  await hook('locked');
  if (next < batch.expected) throw offsetsRewound(place, next, batch.expected);
  // Redelivered, or consumed by another meanwhile: skipped by the only count that matters.
  const fresh = batch.records.filter(({ record }) => record.offset >= next);
  if (fresh.length === 0) return NOTHING;
  const parts = fresh.length === batch.records.length ? all : split(fresh);
  const loaded = await load(client, place, parts.incoming);
  const planned = plan(parts.incoming, loaded, now);
  const tick = await write(client, { ...batch, records: fresh }, parts, planned, loaded, highest);
  await hook('written');
  return {
    tick,
    consumed: fresh.length,
    rows: planned.rows.size,
    deadLetters: parts.letters.length,
    refusals: planned.refusals.length,
  };
}

/**
 * Commits a batch. After an error nothing of it is in Postgres, except when the commit itself was cut off: then nobody
 * can tell, and the redelivery finds out by the offsets.
 */
export async function commitBatch(
  pool: Pool,
  batch: Batch,
  highest: Highest,
  hook: Hook = () => undefined,
): Promise<Committed> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await prepareBatchTable(client);
    await client.query('begin');
    const committed = await transact(client, batch, highest, hook);
    await client.query('commit');
    if (committed.tick !== null) highest.note(committed.tick);
    await hook('committed');
    return committed;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    await client.query('rollback').then(
      () => (failure = undefined),
      () => undefined,
    );
    throw error;
  } finally {
    // A connection that could not roll back is not given to anybody else.
    client.release(failure);
  }
}
