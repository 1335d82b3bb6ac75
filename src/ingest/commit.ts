/**
 * The ingest transaction: a batch of one result partition into Postgres, exactly once (contract.md §6).
 *
 * The order of its steps is what makes it sound; each step says why it stands where it stands.
 */
import { createHash } from 'node:crypto';
import { needs, plan, type Loaded, type Plan } from '../decision/plan.js';
import {
  counterOf,
  NO_FACTS,
  type Incoming,
  type IncomingResult,
  type ResultState,
  type SourcePlace,
} from '../decision/state.js';
import { AppError } from '../errors.js';
import type { LogRecord } from '../log/port.js';
import type { ResultKey } from '../position/commit-log.js';
import type { Highest } from '../position/highest.js';
import type { Micros } from '../position/position.js';
import { eventsOf, type NewEvent } from '../staleness/transitions.js';
import { encodeDocument } from '../stores/document.js';
import { INGEST, type DeadLetter, type Decoded, type Place, type Provenance } from './decode.js';
import { lossesOf, withoutSettled } from './losses.js';
import type { IngestStore, IngestTransaction, Tick } from './port.js';
import { checkedTick } from './rewound.js';

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
  /** What it told of (staleness/transitions.ts). */
  readonly events: readonly NewEvent[];
}

/** Called between the steps: the lab and the tests break in there. */
export type CrashPoint = 'polled' | 'copied' | 'locked' | 'written' | 'committed';
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
  /** Numbers of broken records. They count for a pipeline that is known already: a broken record makes no new one. */
  readonly numbers: Set<Incoming>;
}

function split(records: Batch['records']): Split {
  const out: Split = { incoming: [], results: [], provenance: new Map(), letters: [], numbers: new Set() };
  for (const { decoded } of records) {
    if (decoded.type === 'dead-letter') out.letters.push(decoded.letter);
    if (decoded.record === null) continue;
    out.incoming.push(decoded.record);
    if (decoded.type === 'dead-letter' && decoded.letter.reportedBy === INGEST) out.numbers.add(decoded.record);
    if (decoded.type === 'accepted' && decoded.record.type === 'result' && decoded.provenance !== null) {
      out.results.push(decoded.record);
      out.provenance.set(decoded.record.ordinal, decoded.provenance);
    }
  }
  return out;
}

async function load(tx: IngestTransaction, place: Place, incoming: readonly Incoming[]): Promise<Loaded> {
  const keys = needs(incoming);
  const facts = await tx.readFacts(place);
  const rows = await tx.readRows(keys);
  // A key without a row is new, or its row has expired and is gone.
  return rows.size === keys.length ? { facts, rows } : { facts, rows, expired: await tx.readExpired() };
}

const pick = ({ kind, businessKey, engine }: ResultKey): ResultKey => ({ kind, businessKey, engine });

function requested(record: Incoming, open: ReadonlyMap<string, readonly SourcePlace[]>): Incoming {
  if (record.type !== 'result' || record.verification === null) return record;
  const mustReach = open.get(record.verification.request);
  if (mustReach === undefined) return record;
  return { ...record, arrival: 'REPROCESSED', verification: { ...record.verification, mustReach } };
}

/** What can be decided on: without numbers of nobody known, and without losses that are settled. */
async function decidable(
  tx: IngestTransaction,
  { incoming, numbers, provenance }: Split,
  loaded: Loaded,
): Promise<Incoming[]> {
  const answers = incoming.flatMap((record) =>
    record.type === 'result' && record.verification !== null
      ? [{ ...pick(record.state), verification: record.verification }]
      : [],
  );
  // Whoever says that it recomputed a result is believed if an open request knows it.
  const open = answers.length === 0 ? new Map<string, never>() : await tx.openRequests(answers);
  const messageOf = (record: Incoming): Provenance['message'] | undefined =>
    record.type === 'result' && record.lost ? provenance.get(record.ordinal)?.message : undefined;
  const losses = incoming.flatMap((record) => {
    const message = messageOf(record);
    return message === undefined ? [] : lossesOf(message).filter(({ offset }) => Number.isSafeInteger(offset));
  });
  // Read behind the partition's lock: whoever settles a loss comes back to the rows of this transaction (settle.ts).
  const settled = losses.length === 0 ? new Set<string>() : await tx.settledLosses(losses);
  const known = new Set([
    ...loaded.facts.keys(),
    ...incoming.flatMap((record) => (numbers.has(record) ? [] : [record.stamp.pipeline])),
  ]);
  return incoming
    .filter((record) => !numbers.has(record) || known.has(record.stamp.pipeline))
    .map((record) => requested(record, open))
    .map((record) => {
      const message = messageOf(record);
      return record.type === 'result' && message !== undefined ? withoutSettled(record, message, settled) : record;
    });
}

export const changedKeys = (rows: readonly ResultState[]): string =>
  JSON.stringify(rows.map((row) => [row.kind, row.businessKey, row.engine, row.cap, row.reasons]));

export const documents = (rows: readonly ResultState[]): string[] =>
  rows.map((row) => JSON.stringify(encodeDocument(row)));

interface Writing {
  readonly place: Place;
  readonly parts: Split;
  readonly planned: Plan;
  readonly loaded: Loaded;
}

/** @param moveOn what else belongs into the transaction, before its log row */
async function write(
  tx: IngestTransaction,
  { place, parts, planned, loaded }: Writing,
  highest: Highest,
  moveOn: (tick: Tick) => Promise<void>,
): Promise<{ readonly tick: Tick; readonly events: readonly NewEvent[] }> {
  // What needs no position and conflicts with nobody is prepared before the clock is taken.
  const rows = [...planned.rows.values()].map(({ row }) => row);
  const keys = changedKeys(rows);
  const docs = documents(rows);
  const events = eventsOf({
    engine: place.engine,
    records: parts.incoming,
    before: loaded,
    after: planned.rows,
    refused: planned.refusals,
  });
  // From here to the commit every other writer waits, so this comes as late as it can.
  const tick = await checkedTick(highest, () => tx.takeClock());
  await tx.writeRows(place, tick, [...planned.rows.values()]);
  await tx.writeRefusals(place, tick, planned.refusals, parts.provenance);
  // Before new ones are written: what is asked of a key after its answer is another request.
  await tx.closeRequests(tick, planned.answered);
  await tx.writeRequests(tick, planned.requests);
  await tx.writeDeadLetters(tick, parts.letters);
  await tx.writeEvents(tick, events);
  await moveOn(tick);
  // The log row comes last: whoever reads it finds all that it speaks of.
  await tx.writeLog(tick, keys, docs);
  return { tick, events };
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

const NOTHING: Committed = { tick: null, consumed: 0, rows: 0, deadLetters: 0, refusals: 0, events: [] };

async function transact(tx: IngestTransaction, batch: Batch, highest: Highest, hook: Hook): Promise<Committed> {
  const { place } = batch;
  const all = split(batch.records);
  // Copied before any lock: the bytes travel while nobody waits.
  if (all.results.length > 0) await tx.copy(all.results, all.provenance);
  await hook('copied');
  // Offsets first: a second consumer conflicts here, before any effect.
  const { next, now } = await tx.lockOffsets(place);
  await hook('locked');
  if (next < batch.expected) throw offsetsRewound(place, next, batch.expected);
  // Redelivered, or consumed by another meanwhile: skipped by the only count that matters.
  const fresh = batch.records.filter(({ record }) => record.offset >= next);
  const last = fresh.at(-1)?.record;
  if (last === undefined) return NOTHING;
  const parts = fresh.length === batch.records.length ? all : split(fresh);
  const loaded = await load(tx, place, parts.incoming);
  const incoming = await decidable(tx, parts, loaded);
  const planned = plan(incoming, loaded, now);
  const written = { place, parts: { ...parts, incoming }, planned, loaded };
  const { tick, events } = await write(tx, written, highest, async (at) => {
    await tx.writeFacts(place, at, loaded.facts, planned.facts);
    await tx.advanceOffsets(place, { offset: last.offset, digest: digestOf(last) });
  });
  await hook('written');
  return {
    tick,
    consumed: fresh.length,
    rows: planned.rows.size,
    deadLetters: parts.letters.length,
    refusals: planned.refusals.length,
    events,
  };
}

/**
 * Commits a batch. After an error nothing of it is in Postgres, except when the commit itself was cut off: then nobody
 * can tell, and the redelivery finds out by the offsets.
 */
export async function commitBatch(
  store: IngestStore,
  batch: Batch,
  highest: Highest,
  hook: Hook = () => undefined,
): Promise<Committed> {
  const tx = await store.begin();
  try {
    const committed = await transact(tx, batch, highest, hook);
    await tx.commit();
    if (committed.tick !== null) highest.note(committed.tick);
    await hook('committed');
    return committed;
  } catch (error) {
    await tx.abort();
    throw error;
  }
}

/**
 * Takes in a record of a result partition whose turn is over: a dead letter that can be decoded now. The offsets stay, and
 * so do the facts: where runs begin and what they have numbered is told by the log's own order. Its own number is not held
 * against it. The caller has locked the partition's offsets, and found no newer record of the key.
 */
export async function takePast(
  tx: IngestTransaction,
  place: Place,
  entry: Batch['records'][number],
  now: Micros,
  highest: Highest,
  moveOn: (tick: Tick) => Promise<void>,
): Promise<Tick> {
  const parts = split([entry]);
  if (parts.results.length > 0) await tx.copy(parts.results, parts.provenance);
  const loaded = await load(tx, place, parts.incoming);
  const incoming = await decidable(tx, parts, loaded);
  const facts = new Map(loaded.facts);
  for (const { stamp } of incoming) {
    const known = facts.get(stamp.pipeline) ?? NO_FACTS;
    const lastSeq = Math.max(known.lastSeq[counterOf(stamp)] ?? 0, stamp.seq ?? 0);
    facts.set(stamp.pipeline, { ...known, lastSeq: { ...known.lastSeq, [counterOf(stamp)]: lastSeq } });
  }
  const planned = plan(incoming, { ...loaded, facts }, now);
  return (await write(tx, { place, parts: { ...parts, incoming }, planned, loaded }, highest, moveOn)).tick;
}
