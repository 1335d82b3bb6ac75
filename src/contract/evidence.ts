/** From what a read brought back to the input of `assess`. Pure. */
import type { ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import type { ResultKey } from '../position/commit-log.js';
import {
  beyond,
  keyTime,
  mayHaveExpired,
  NOTHING_EXPIRED,
  setMayLack,
  type Expiry,
  type Range,
} from '../position/expiry.js';
import type { Micros } from '../position/position.js';
import type { StatsMembers, StatsQuery, StoredResult } from '../stores/port.js';
import type { AppliedPosition, AssessedRow, Assessment, Bounds, PendingChange, PipelineEvidence } from './assess.js';
import type { CheckpointEvidence } from './checkpoints.js';
import { NO_LETTERS } from './dead-letters.js';
import { NO_DIVERGENCES } from './divergences.js';
import { latest } from './pipeline-facts.js';
import type { PipelineFact, Proof } from './proof-port.js';

/** What one read of one store brought back besides its data. */
export interface ReadEvidence {
  readonly store: Store;
  readonly scope: ConsistencyScope;
  readonly applied: AppliedPosition | null | 'unknown';
  /** null: the source of truth can't be asked. */
  readonly proof: Proof | null;
  /** The newest proof the server ever saw: aged facts lower a claim, they never vanish. */
  readonly lastProof: Proof | null;
  readonly lastCdcSync: Micros | null;
  readonly now: Micros | null;
  readonly bounds: Bounds;
}

/** Of one key: its row, or the null that the store answered. */
export function ofRow(read: ReadEvidence, key: ResultKey, row: StoredResult | null): Assessment {
  const facts = read.proof ?? read.lastProof;
  const pipeline =
    row === null
      ? judged(ofEngine(facts, key.engine), key.kind, keyTime(key.businessKey))
      : (facts?.pipeline(row.pipeline, row.resultPartition) ?? null);
  const expired = row === null && mayHaveExpired(expiryOf(read), key);
  const letters = facts?.letters ?? NO_LETTERS;
  const held =
    row === null
      ? letters.holdsNull(key, topicsOf(facts, key.engine))
      : letters.holdsRow(row, facts?.pipeline(row.pipeline, row.resultPartition)?.resultTopic ?? null);
  const diverged = (facts?.divergences ?? NO_DIVERGENCES).holdsKey(read.store, key, read.applied);
  const pending = read.proof?.pending(key) ?? null;
  return assessment(read, key.engine, row, pipeline, pending, { expired, deadLetter: held, diverged });
}

/** Kinds of which no result folds, or rests on, an event older than the time in its key. */
const BEGINS_WITH_ITS_KEY: ReadonlySet<string> = new Set(['order_window']);

/**
 * What may be missing from an absence. What begins after all that came before the run can't have been lost because of a restart
 * (ADR 5); and what was lost and made again is there (ADR 19).
 */
function judged(known: PipelineEvidence | null, kind: string, begins: string | null): PipelineEvidence | null {
  const pipeline = known?.recovered?.includes(kind) === true ? { ...known, lossOffset: null } : known;
  if (pipeline?.resumed !== true || !BEGINS_WITH_ITS_KEY.has(kind)) return pipeline;
  return beyond(begins, pipeline.resumedUntil ?? null) ? { ...pipeline, resumed: false } : pipeline;
}

const expiryOf = ({ proof, lastProof }: ReadEvidence): Expiry => (proof ?? lastProof)?.expiry ?? NOTHING_EXPIRED;

/**
 * Of a set: is it complete and current? (contract.md §8, Sets)
 * @param range what the answer speaks of; null: all of the kind; 'living': only what has not expired
 */
export function ofSet(
  read: ReadEvidence,
  kind: string,
  engine: ProcessingEngine,
  range: Range | null | 'living',
): Assessment {
  const begins = range !== null && range !== 'living' && range.orderBy === 'window_start' ? range.from : null;
  const pipeline = judged(ofEngine(read.proof ?? read.lastProof, engine), kind, begins);
  const expired = range !== 'living' && setMayLack(expiryOf(read), { kind, engine }, range);
  const divergences = (read.proof ?? read.lastProof)?.divergences ?? NO_DIVERGENCES;
  return assessment(read, engine, null, pipeline, read.proof?.pendingOfKind(kind, engine) ?? null, {
    expired,
    deadLetter: false,
    diverged: divergences.holdsKind(read.store, { kind, engine }, read.applied),
  });
}

/**
 * Of members of a statistic that are judged alike. Which source partitions they cover is not known here, so an open one is
 * only its run's if that owns all partitions: what can't be told apart is not claimed. Changes in flight, and divergences, are the set's.
 */
export function ofMembers(
  read: ReadEvidence,
  kind: string,
  { engine, symbol }: Pick<StatsQuery, 'engine' | 'symbol'>,
  group: StatsMembers,
): Assessment {
  const known = read.proof ?? read.lastProof;
  const facts = known?.pipeline(group.pipeline, group.resultPartition) ?? null;
  const held = known?.letters.holdsMembers(group, facts?.resultTopic ?? null, symbol) ?? false;
  const row: AssessedRow = {
    kind,
    businessKey: '',
    engine,
    cap: group.cap,
    reasons: [],
    final: group.final,
    stale: group.stale,
    lastCheckpointTime: null,
    run: group.run,
    epoch: group.newestEpoch,
    resultOffset: group.oldestOffset,
    verified: group.verified,
    coverage: Object.fromEntries(Object.keys(facts?.owners ?? {}).map((p) => [p, [0, 0]] as const)),
    position: group.newestPosition,
  };
  return assessment(read, engine, row, facts, null, { expired: false, deadLetter: held, diverged: false });
}

// Written out, not spread: this runs once per row of a page.
function assessment(
  read: ReadEvidence,
  engine: ProcessingEngine,
  row: AssessedRow | null,
  pipeline: PipelineEvidence | null,
  pending: PendingChange | null,
  { expired, deadLetter, diverged }: Record<'expired' | 'deadLetter' | 'diverged', boolean>,
): Assessment {
  return {
    store: read.store,
    scope: read.scope,
    engine,
    row,
    pipeline,
    deadLetter,
    proof: read.proof,
    expired,
    diverged,
    pending,
    applied: read.applied,
    lastCdcSync: read.lastCdcSync,
    now: read.now,
    bounds: read.bounds,
  };
}

const topicsOf = (facts: Proof | null, engine: ProcessingEngine): string[] => [
  ...new Set(facts?.pipelines.flatMap((fact) => (fact.engine === engine ? [fact.resultTopic] : []))),
];

/**
 * The weakest of an engine's pipelines: what is missing may be missing because any of them is silent. null when none
 * was ever heard of: then nothing vouches for an absence either.
 */
export function ofEngine(facts: Proof | null, engine: ProcessingEngine): PipelineEvidence | null {
  const own = facts?.pipelines.filter((fact) => fact.engine === engine) ?? [];
  return own.length === 0 ? null : weakestOf(own);
}

/** One evidence for several facts: of each member the one that claims least. */
export function weakestOf(facts: readonly PipelineFact[]): PipelineEvidence {
  return {
    state: facts.some((fact) => fact.state === 'STOPPING') ? 'STOPPING' : 'RUNNING',
    lastHeartbeatAt: least(facts.map((fact) => fact.lastHeartbeatAt)),
    lastCheckpointTime: least(facts.map((fact) => fact.lastCheckpointTime)),
    sourceAsOf: least(facts.map((fact) => fact.sourceAsOf)),
    // Held against rows one by one; a set has no run.
    owners: {},
    gapRuns: [],
    resumed: facts.some((fact) => fact.resumed),
    resumedUntil: latest(facts.flatMap((fact) => (fact.resumed ? [fact.resumedUntil ?? null] : []))),
    lossOffset: facts.reduce<number | null>((most, fact) => later(most, fact.lossOffset), null),
    recovered: inAll(facts.flatMap((fact) => (fact.lossOffset === null ? [] : [fact.recovered ?? []]))),
    checkpoints: weakestCheckpoints(facts.map((fact) => fact.checkpoints)),
  };
}

const inAll = ([first = [], ...others]: readonly (readonly string[])[]): readonly string[] =>
  first.filter((kind) => others.every((other) => other.includes(kind)));

const later = (a: number | null, b: number | null): number | null => (a === null || (b !== null && b > a) ? b : a);

/** Of several partitions: a set has no run of its own, so that only the age of the evidence counts. */
function weakestCheckpoints(all: readonly (CheckpointEvidence | null)[]): CheckpointEvidence | null {
  const [first, ...rest] = all;
  if (first === undefined || first === null || rest.includes(null)) return null;
  return {
    ...first,
    provenAt: least(all.map((one) => one?.provenAt ?? null)),
    intervalMs: least(all.map((one) => one?.intervalMs ?? null)),
  };
}

/** The smallest; null when one is unknown. ISO-8601 texts of one form compare like times. */
function least<T extends number | string>(values: readonly (T | null)[]): T | null {
  return values.reduce<T | null>(
    (low, value) => (low === null || value === null ? null : value < low ? value : low),
    values[0] ?? null,
  );
}
