/**
 * A contract as a client keeps it: what the server said, and when the client asked. `since` is the moment the request was
 * *sent*: the server can't have measured its staleness before that, so staleness + time since then is an upper bound, however
 * slow the way back was.
 */
import type { Instant } from './clock.js';
import { CONFIDENCE_LEVELS, CONSISTENCY_SCOPES, weakerLevel } from './words.js';
import type { ConfidenceLevel, ConsistencyScope, ProcessingEngine, Store } from './words.js';

export interface Contract {
  readonly confidenceLevel: ConfidenceLevel;
  readonly consistencyScope: ConsistencyScope;
  readonly processingEngine: ProcessingEngine | null;
  readonly servedBy: Store | null;
  readonly stale: boolean;
  /** Codes: why it is not HIGH. */
  readonly reasons: readonly string[];
  /** Every write accepted up to this commit time is reflected. */
  readonly asOf: string | null;
  /** Upper bound of the age of the answer, milliseconds; null when unknown. */
  readonly stalenessMs: number | null;
  readonly sourceAsOf: string | null;
  readonly lastCheckpointTime: string | null;
  readonly lastCdcSyncTime: string | null;
  /** The position at which it was proven to be the newest; a decimal string. */
  readonly provenAt: string | null;
}

/** A contract and where in time and history it belongs. JSON: it can be stored. */
export interface Received {
  readonly contract: Contract;
  /** When the request was sent. */
  readonly since: Instant;
  /** The history of Postgres it speaks of; times of two of them are not compared. */
  readonly incarnation: string | null;
}

/** The codes that this library adds to the server's. */
export const CLIENT_REASONS = {
  CLIENT_AGED: 'The answer has been kept for longer than this client lets a HIGH stand.',
} as const;

/**
 * What the server said, if it said enough: without a level there is no contract. Whatever else is missing is taken for the
 * worst that it could be. Takes a field of the API (`reasons` are objects) and a contract of the extensions (codes) alike.
 */
export function readContract(said: unknown): Contract | null {
  if (typeof said !== 'object' || said === null) return null;
  const of = said as Readonly<Record<string, unknown>>;
  const confidenceLevel = oneOf(CONFIDENCE_LEVELS, of['confidenceLevel']);
  if (confidenceLevel === null) return null;
  const staleness = of['stalenessMs'];
  return {
    confidenceLevel,
    consistencyScope: oneOf(CONSISTENCY_SCOPES, of['consistencyScope']) ?? 'SEARCH',
    processingEngine: oneOf(['KAFKA_ONLY', 'FLINK'] as const, of['processingEngine']),
    servedBy: oneOf(['POSTGRES', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'] as const, of['servedBy']),
    stale: of['stale'] !== false,
    reasons: codesOf(of['reasons']),
    asOf: text(of['asOf']),
    stalenessMs: typeof staleness === 'number' && Number.isFinite(staleness) && staleness >= 0 ? staleness : null,
    sourceAsOf: text(of['sourceAsOf']),
    lastCheckpointTime: text(of['lastCheckpointTime']),
    lastCdcSyncTime: text(of['lastCdcSyncTime']),
    provenAt: text(of['provenAt']),
  };
}

function codesOf(reasons: unknown): string[] {
  if (!Array.isArray(reasons)) return [];
  return reasons
    .map((reason: unknown) =>
      typeof reason === 'object' && reason !== null ? (reason as { code?: unknown }).code : reason,
    )
    .filter((code): code is string => typeof code === 'string');
}

/** Of each word the weaker one: what can be said of several answers at once. null when one has no contract, or there is none. */
export function weakestContract(contracts: readonly (Contract | null)[]): Contract | null {
  const [first, ...rest] = contracts;
  if (first === undefined || first === null) return null;
  return rest.reduce<Contract | null>((a, b) => (a === null || b === null ? null : weaker(a, b)), first);
}

function weaker(a: Contract, b: Contract): Contract {
  return {
    confidenceLevel: weakerLevel(a.confidenceLevel, b.confidenceLevel),
    consistencyScope:
      CONSISTENCY_SCOPES.indexOf(a.consistencyScope) >= CONSISTENCY_SCOPES.indexOf(b.consistencyScope)
        ? a.consistencyScope
        : b.consistencyScope,
    processingEngine: a.processingEngine === b.processingEngine ? a.processingEngine : null,
    servedBy: a.servedBy === b.servedBy ? a.servedBy : null,
    stale: a.stale || b.stale,
    reasons: [...new Set([...a.reasons, ...b.reasons])],
    asOf: earlier(a.asOf, b.asOf),
    stalenessMs: a.stalenessMs === null || b.stalenessMs === null ? null : Math.max(a.stalenessMs, b.stalenessMs),
    sourceAsOf: earlier(a.sourceAsOf, b.sourceAsOf),
    lastCheckpointTime: earlier(a.lastCheckpointTime, b.lastCheckpointTime),
    lastCdcSyncTime: earlier(a.lastCdcSyncTime, b.lastCdcSyncTime),
    provenAt: lower(a.provenAt, b.provenAt),
  };
}

const earlier = (a: string | null, b: string | null): string | null =>
  a === null || b === null ? null : a < b ? a : b;
const lower = (a: string | null, b: string | null): string | null =>
  a === null || b === null ? null : BigInt(a) < BigInt(b) ? a : b;
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const oneOf = <T extends string>(words: readonly T[], value: unknown): T | null =>
  words.find((word) => word === value) ?? null;
