/**
 * Row + pipeline evidence + proof → contract (contract.md §2, §3, §8). Pure: nothing here reads a clock or a store.
 *
 * A level is computed when it is read, from three things: the row's cap, what is known of its pipeline, and whether it
 * is proven to be the newest. Each can only lower it.
 */
import type { ResultKey } from '../position/commit-log.js';
import { maxPosition, ORIGIN, type Micros, type Position } from '../position/position.js';
import { weakest, type ConfidenceLevel, type ConsistencyScope, type ProcessingEngine, type Store } from '../words.js';
import { capNow, heldByCheckpoints, overdueMs, type CheckpointEvidence, type Held } from './checkpoints.js';

/** What the assessment needs of a stored row. `StoredResult` of the store port fits. */
export interface AssessedRow extends ResultKey {
  readonly cap: ConfidenceLevel;
  readonly reasons: readonly string[];
  readonly final: boolean;
  readonly stale: boolean;
  readonly lastCheckpointTime: string | null;
  readonly run: string;
  /** FLINK: a lower bound of the checkpoint that commits it. */
  readonly epoch: number | null;
  /** Where its record lies in the result partition; -1 when a control record made the row. */
  readonly resultOffset: number;
  /** Its value was recomputed from the source. */
  readonly verified: boolean;
  /** Source partition → [first, last] offset; null when the engine did not say. */
  readonly coverage: Readonly<Record<string, readonly [number, number]>> | null;
  readonly position: Position;
}

/** What is known of a pipeline in one result partition, by Postgres' clock. */
export interface PipelineEvidence {
  readonly state: 'RUNNING' | 'STOPPING';
  /** Commit time of the transaction that took in the last heartbeat; null when none was seen. */
  readonly lastHeartbeatAt: Micros | null;
  /** Newest completed checkpoint reported in band, ISO-8601; null for KAFKA_ONLY. */
  readonly lastCheckpointTime: string | null;
  /** Every source record appended up to this time is counted, ISO-8601; null when unknown. */
  readonly sourceAsOf: string | null;
  /** KAFKA_ONLY: source partition → the run that owns it now. */
  readonly owners: Readonly<Record<string, string>>;
  /** Runs that lost output in this result partition. */
  readonly gapRuns: readonly string[];
  /** KAFKA_ONLY: a run that owns a source partition began behind its first record, so that a result may be missing. */
  readonly resumed: boolean;
  /** No event that such a run has not read is newer than this, ISO-8601; null or left out: nobody knows. */
  readonly resumedUntil?: string | null;
  /** Offset of the newest record here by which lost output was noticed; null: none was. */
  readonly lossOffset: number | null;
  /** Kinds of which no result is missing for that loss: it was made again (ADR 19). Left out: none. */
  readonly recovered?: readonly string[];
  /** null for an engine that takes none, or whose runs were not heard of. */
  readonly checkpoints: CheckpointEvidence | null;
}

/** The last accepted change of a key that the proof knows of. */
export interface PendingChange {
  readonly position: Position;
  readonly cap: ConfidenceLevel;
  readonly reasons: readonly string[];
}

/** The position that was current after the request began, and what the server knows up to it. */
export interface ProvenPosition {
  readonly position: Position;
  readonly committedAt: Micros;
  readonly incarnation: string;
  /** Changes at or below the floor are forgotten: a store that has not come so far is unknown. */
  readonly floor: Position;
}

export interface AppliedPosition {
  readonly position: Position;
  readonly incarnation: string;
  readonly committedAt: Micros;
}

export interface Bounds {
  /** A pipeline that has been silent for longer than this has stopped. Milliseconds. */
  readonly pipelineSilentMs: number;
  /** A read model whose answer may be older than this marks it stale. Milliseconds. */
  readonly staleMs: number;
}

export interface Assessment {
  readonly store: Store;
  readonly scope: ConsistencyScope;
  readonly engine: ProcessingEngine;
  /** null: the store says that there is no such result, or the subject is a set. */
  readonly row: AssessedRow | null;
  /** null: nothing was ever heard of the pipeline. Left out when there is none to ask (a null without a pipeline). */
  readonly pipeline?: PipelineEvidence | null;
  /** A dead letter that nobody has settled could belong to it. */
  readonly deadLetter: boolean;
  /** null: the source of truth can't be asked. */
  readonly proof: ProvenPosition | null;
  /** May a result be missing from the null or the set because it has expired (ADR 10)? Left out: no. */
  readonly expired?: boolean;
  /** Does the answering store hold something else than Postgres there, by all that is known (ADR 18)? Left out: no. */
  readonly diverged?: boolean;
  /** The last change of the subject the proof knows; null: none since the floor. */
  readonly pending: PendingChange | null;
  /** null for Postgres, whose rows are read after the proof; 'unknown' when a read model can't say. */
  readonly applied: AppliedPosition | null | 'unknown';
  /** Commit time of the newest position that the answering store has applied; for Postgres the read models' minimum. */
  readonly lastCdcSync: Micros | null;
  /** Upper bound of Postgres' time now; null when unknown. */
  readonly now: Micros | null;
  readonly bounds: Bounds;
}

export interface Contract {
  readonly confidenceLevel: ConfidenceLevel;
  readonly consistencyScope: ConsistencyScope;
  readonly processingEngine: ProcessingEngine;
  readonly lastCheckpointTime: string | null;
  readonly lastCdcSync: Micros | null;
  /** Every write accepted up to this commit time is reflected in the answer. */
  readonly asOf: Micros | null;
  readonly sourceAsOf: string | null;
  readonly stale: boolean;
  readonly reasons: readonly string[];
  readonly servedBy: Store;
  readonly position: Position;
  readonly provenAt: Position | null;
  /** Every change of the subject up to it is shown, whether or not it is the newest; null: unknown. */
  readonly reflects: Reflected | null;
  /** Not the newest: once the store has applied it, it will be. null: it is the newest, or nobody knows. */
  readonly currentAt: Position | null;
  /** The highest level that another store could give now, or this one later. */
  readonly potential: ConfidenceLevel;
}

export type Reflected = Pick<AppliedPosition, 'incarnation' | 'position'>;

interface Currency {
  readonly level: ConfidenceLevel;
  readonly reasons: readonly string[];
  readonly asOf: Micros | null;
  readonly provenAt: Position | null;
  readonly currentAt: Position | null;
  /** What the newest row can be at most. */
  readonly newest: ConfidenceLevel;
}

const current = (asOf: Micros, provenAt: Position): Currency => ({
  level: 'HIGH',
  reasons: [],
  asOf,
  provenAt,
  currentAt: null,
  newest: 'HIGH',
});

/** Is the answer the newest accepted one, and up to when does it reflect every write? (contract.md §8) */
function currency(input: Assessment): Currency {
  const { proof, applied, pending, row } = input;
  const unproven = (reason: string, asOf: Micros | null): Currency => ({
    level: 'EVENTUALLY_CONSISTENT',
    reasons: [reason],
    asOf,
    provenAt: null,
    currentAt: null,
    newest: 'HIGH',
  });
  // Nothing that this store says of it counts, its own level neither; what another one would say is not touched.
  if (input.diverged === true) return { ...unproven('VIOLATION_STORE_DIVERGENCE', null), level: 'LOW' };
  if (applied === 'unknown') return unproven('POSITION_UNKNOWN', null);
  if (proof === null) return unproven('PROOF_UNAVAILABLE', applied?.committedAt ?? null);
  if (applied === null) {
    // Postgres, read after the proof: whatever it holds is at least as new as the proven position.
    return current(proof.committedAt, row === null ? proof.position : maxPosition(proof.position, row.position));
  }
  if (applied.incarnation !== proof.incarnation || applied.position < proof.floor) {
    return unproven('POSITION_UNKNOWN', null);
  }
  if (row !== null && row.position > proof.position) {
    // Written after the proof: the facts that the proof carries may be older than the row. The reader proves again
    // once; if the row still runs ahead, it is not claimed.
    return unproven('POSITION_UNKNOWN', applied.committedAt);
  }
  if (pending === null || pending.position <= applied.position) return current(proof.committedAt, proof.position);
  return {
    level: weakest('EVENTUALLY_CONSISTENT', pending.cap),
    reasons: ['STORE_BEHIND', ...pending.reasons],
    asOf: applied.committedAt,
    provenAt: null,
    currentAt: pending.position,
    newest: pending.cap,
  };
}

/** Up to where does the answer show every change of its subject? A row shows its own. */
function reflected({ proof, applied, row, diverged }: Assessment, provenAt: Position | null): Reflected | null {
  if (diverged === true) return null;
  if (proof !== null && provenAt !== null) return { incarnation: proof.incarnation, position: provenAt };
  if (applied === null || applied === 'unknown') return null;
  return { incarnation: applied.incarnation, position: maxPosition(applied.position, row?.position ?? ORIGIN) };
}

/** A non-final result of a silent or stopping pipeline does not repair itself (contract.md §3, PIPELINE_STOPPED). */
function stopped(input: Assessment): boolean {
  const { pipeline, row, now, bounds } = input;
  if (pipeline === undefined || row?.final === true) return false;
  if (pipeline === null || pipeline.state === 'STOPPING' || pipeline.lastHeartbeatAt === null) return true;
  // Heartbeats of an exactly-once sink become visible with their checkpoint: it is overdue before the pipeline is silent.
  const silentMs = bounds.pipelineSilentMs + overdueMs(pipeline.checkpoints);
  return now === null || now - pipeline.lastHeartbeatAt > silentMs * 1000;
}

/**
 * What the facts hold against an open row that nobody rewrote (contract.md §3): another run took its source partition over,
 * or its run lost output after it. A row accepted after the facts were read is newer than they are: its run owned the
 * partition then, or it would have been refused. And against an absence: of a null or a set nobody knows where it began.
 */
function heldByFacts({ pipeline, row, proof }: Assessment): string[] {
  if (pipeline === undefined || pipeline === null) return [];
  const { lossOffset } = pipeline;
  // What is not there may have begun before the run, and been lost with the one before: nothing else will ever say so.
  if (row === null) {
    return [
      ...(pipeline.resumed ? ['RESTART_DUPLICATION'] : []),
      ...(lossOffset !== null ? ['VIOLATION_OUTPUT_GAP'] : []),
    ];
  }
  if (row.final) return [];
  if (proof !== null && row.position > proof.position) return [];
  // By the place in the log where runs don't tell: of a verified row, and where a run goes on with the state of another.
  const lost =
    row.verified || row.engine === 'FLINK'
      ? lossOffset !== null && row.resultOffset < lossOffset
      : pipeline.gapRuns.includes(row.run);
  const takenOver =
    !row.verified && Object.keys(row.coverage ?? {}).some((p) => (pipeline.owners[p] ?? row.run) !== row.run);
  return [...(takenOver ? ['RESTART_DUPLICATION'] : []), ...(lost ? ['VIOLATION_OUTPUT_GAP'] : [])];
}

/** The engine's own limit, for subjects that have no row to carry it. */
const engineCap = (engine: ProcessingEngine): { level: ConfidenceLevel; reasons: string[] } =>
  engine === 'KAFKA_ONLY'
    ? { level: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] }
    : { level: 'HIGH', reasons: [] };

/** The contract of one row, one null or one set. The lowest of its levels wins; every reason is listed once. */
export function assess(input: Assessment): Contract {
  const { row, proof, now, bounds } = input;
  const cap = row === null ? engineCap(input.engine) : capNow(row, input.pipeline?.checkpoints ?? null);
  const proven = currency(input);
  const silent = stopped(input);
  const low = [
    ...heldByFacts(input),
    ...(input.deadLetter ? ['VIOLATION_DEAD_LETTER'] : []),
    ...(silent ? ['PIPELINE_STOPPED'] : []),
    ...(input.expired === true ? ['RESULT_EXPIRED'] : []),
  ];
  const held = [...low.map((reason): Held => ({ level: 'LOW', reason })), ...heldByCheckpoints(input)];
  const level = [proven.level, ...held.map((own) => own.level)].reduce<ConfidenceLevel>(weakest, cap.level);
  const reasons = [...cap.reasons, ...held.map((own) => own.reason), ...proven.reasons];
  const behind = proven.provenAt === null;
  const age = now === null || proven.asOf === null ? null : now - proven.asOf;
  return {
    // An answer whose age is unknown is never HIGH (contract.md §9, stalenessMs).
    confidenceLevel: age === null ? weakest(level, 'EVENTUALLY_CONSISTENT') : level,
    consistencyScope: input.scope,
    processingEngine: input.engine,
    lastCheckpointTime: input.pipeline?.lastCheckpointTime ?? null,
    lastCdcSync: input.lastCdcSync,
    asOf: proven.asOf,
    sourceAsOf: input.pipeline?.sourceAsOf ?? null,
    stale: (row?.stale ?? false) || (behind && (age === null || age > bounds.staleMs * 1000)),
    reasons: [...new Set(reasons)],
    servedBy: input.store,
    position: row?.position ?? proof?.position ?? (0n as Position),
    provenAt: proven.provenAt,
    reflects: reflected(input, proven.provenAt),
    currentAt: proven.currentAt,
    potential: behind ? proven.newest : level,
  };
}

/**
 * The staleness claim at the time of sending: an upper bound, rounded up. Null when Postgres' time is unknown or has
 * stepped back behind `asOf` (contract.md §8, Time).
 */
export function stalenessMs(asOf: Micros | null, now: Micros | null): number | null {
  if (asOf === null || now === null || now < asOf) return null;
  return Math.ceil((now - asOf) / 1000);
}
