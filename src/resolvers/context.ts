import { AppError } from '../errors.js';
import type { ChangeFeed } from '../contract/changes.js';
import { within } from '../contract/limit.js';
import type { Ledger } from '../contract/ledger.js';
import type { Observed } from '../contract/observed.js';
import type { ProofSource } from '../contract/proof-port.js';
import { isPlain, type ConsistencyPlan } from '../contract/consistency.js';
import { NO_ERRAND, type RequestReader } from '../contract/reader.js';
import type { Errand } from '../contract/router.js';
import { Unmet } from '../contract/unmet.js';
import type { SendingClock } from '../contract/staleness.js';
import type { Bounds } from '../contract/assess.js';
import type { Micros, Position } from '../position/position.js';
import type { FaultDesk } from '../lab/port.js';
import type { KindDefinition } from '../schema/result-kind.js';
import type { AuditReader, ReprocessingDesk } from '../stores/audit-port.js';
import type { DeadLetterDesk, DeadLetterReader, EventReader, HistoryReader } from '../stores/port.js';
import type { EventFeed } from '../staleness/feed.js';
import type { ConfidenceLevel, Store } from '../words.js';

/** How a store is, measured just now or a moment ago. */
export interface StoreHealth {
  readonly store: Store;
  readonly healthy: boolean;
  /** null for Postgres, which has nothing to apply, and when unknown. */
  readonly appliedPosition: Position | null;
  readonly appliedCommittedAt: Micros | null;
  /** What is wrong, for people; null when nothing is. */
  readonly detail: string | null;
}

/** Whether one part of the path goes on (src/staleness/liveness.ts): for display, no claim rests on it. */
export interface LivenessStatus {
  readonly subject: string;
  readonly state: string;
  readonly since: Micros | null;
  readonly detail: string | null;
}

/** What the monitor tells of a pipeline, beside what ingest knows of it: for display. Null is unknown. */
export interface PipelineFigures {
  /** As the JobManager calls it; STARTING while not all of its tasks run. */
  readonly jobState: string | null;
  readonly sourceLag: number | null;
  /** ISO-8601. */
  readonly watermark: string | null;
  readonly lastCheckpointId: number | null;
  readonly lastCheckpointDurationMs: number | null;
  readonly lastCheckpointSizeBytes: number | null;
  readonly completedCheckpoints: number | null;
  readonly failedCheckpoints: number | null;
  readonly restarts: number | null;
  /** What is wrong now, by name. */
  readonly conditions: readonly string[];
}

/** What `decisionTable` shows of a rule; the rows of src/decision/table.ts fit. */
export interface DecisionRow {
  readonly scenario: string;
  readonly engine: string;
  readonly postgres: string;
  readonly level: ConfidenceLevel | null;
  readonly reason: string | null;
  readonly readModels: string;
  readonly decision: string;
}

/** A source event in the raw log: every place at which it was written. */
export interface LocatedEvent {
  readonly eventId: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Where these events are, as far as the raw log knows; those it does not know are left out. */
export type EventLocator = (eventIds: readonly string[]) => Promise<readonly LocatedEvent[]>;

/** What all requests share. */
export interface Services {
  readonly proofs: ProofSource;
  readonly observed: Observed;
  readonly clock: SendingClock;
  readonly bounds: Bounds;
  readonly maxPageSize: number;
  readonly storeStatuses: () => Promise<readonly StoreHealth[]>;
  readonly pipelineFigures: (pipeline: string) => PipelineFigures | null;
  readonly liveness: () => readonly LivenessStatus[];
  /**
   * Of the one FLINK pipeline: source partition → next offset; everything below is counted, and accepted. Any proof that is
   * asked for later shows it.
   */
  readonly accepted: () => ReadonlyMap<number, bigint>;
  readonly kinds: readonly KindDefinition[];
  readonly deadLetters: DeadLetterReader;
  readonly desk: DeadLetterDesk;
  readonly events: EventReader;
  readonly history: HistoryReader;
  readonly audit: AuditReader;
  readonly reprocessing: ReprocessingDesk;
  /** null: lab mode is off. */
  readonly faults: FaultDesk | null;
  readonly feed: EventFeed;
  readonly changes: ChangeFeed;
  readonly locateEvents: EventLocator;
  readonly requestMs: number;
  readonly readMs: number;
  readonly decisionTable: readonly DecisionRow[];
  readonly version: string;
}

/** What Postgres alone knows has no stand-in: it answers within its limit, or with a code. @throws AppError STORE_UNAVAILABLE */
export const bounded = <T>({ readMs }: Services, answer: Promise<T>): Promise<T> =>
  within(
    answer,
    readMs,
    () =>
      new AppError('STORE_UNAVAILABLE', `Postgres did not answer within ${readMs} ms. Try again.`, {
        retryable: true,
        outcome: 'none',
      }),
  );

/** What a resolver gets. Plain properties only: Apollo copies the object. */
export interface RequestContext {
  readonly services: Services;
  readonly reader: RequestReader;
  readonly ledger: Ledger;
  /** Set by the plugin before execution. */
  plan: ConsistencyPlan;
  /** Of a subscription: cuts the connection of a subscriber that does not keep up. */
  readonly tooSlow: () => void;
}

/** What is demanded of the root field with this response key. */
export function errandAt({ plan, ledger }: RequestContext, path: string): Errand {
  const requirement = plan.requirement(path);
  return isPlain(requirement) ? NO_ERRAND : { requirement, tell: (taken) => ledger.routed(path, taken) };
}

/** The answer, or null where the requirement could not be met and null was asked for then. */
export function orNull<T>(answer: Promise<T>): Promise<T | null> {
  return answer.catch((error: unknown) => {
    if (error instanceof Unmet && error.as === 'NULL') return null;
    throw error;
  });
}
