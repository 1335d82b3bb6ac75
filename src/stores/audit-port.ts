/** What only Postgres knows of why a result is trusted as far as it is: refusals, recomputations, the evidence of its row. */
import type { ResultKey } from '../position/commit-log.js';
import type { Position } from '../position/position.js';
import type { ProcessingEngine } from '../words.js';

type Coverage = Readonly<Record<string, readonly [number, number]>>;

/** A result as it was emitted, with what it said of itself. */
export interface EmittedResult {
  /** null: larger than AUDIT_VALUE_BYTES. */
  readonly value: Readonly<Record<string, unknown>> | null;
  readonly deleted: boolean;
  readonly final: boolean;
  readonly run: string | null;
  readonly revision: number | null;
  readonly epoch: number | null;
  readonly coverage: Coverage | null;
  readonly digest: string | null;
  readonly events: number | null;
}

/** A value with more bytes of JSON is not shown: a page holds 500 of them, twice. */
export const AUDIT_VALUE_BYTES = 16_384;

/** A record that was not taken in. */
export interface StoredRefusal extends ResultKey {
  readonly id: bigint;
  /** Of the transaction that refused it. */
  readonly position: Position;
  readonly reason: string;
  /** The row as it stood; null: there was none. */
  readonly stored: EmittedResult | null;
  readonly refused: EmittedResult;
  /** Where the refused record lies. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** ISO-8601. */
  readonly notedAt: string;
}

export const REPROCESSING_STATES = ['OPEN', 'DONE', 'FAILED'] as const;
export type ReprocessingState = (typeof REPROCESSING_STATES)[number];

/** That a result is to be recomputed from the source. */
export interface StoredRequest extends ResultKey {
  readonly id: bigint;
  readonly state: ReprocessingState;
  readonly reason: string;
  /** `person`, `ingest` or `sweep`. */
  readonly requestedBy: string;
  /** ISO-8601. */
  readonly requestedAt: string;
  readonly requestedPosition: Position;
  readonly attempts: number;
  /** ISO-8601: not worked on before; null: finished. */
  readonly dueAt: string | null;
  /** Source partition → next offset: how far the newest answer has read; null: none was sent. */
  readonly upTo: Readonly<Record<string, number>> | null;
  /** An event that the answer must have read; null: none in particular. */
  readonly mustRead: { readonly partition: number; readonly offset: bigint } | null;
  readonly finishedAt: string | null;
  /** Of the transaction that took the answer in, or of the clock when it failed. */
  readonly finishedPosition: Position | null;
  /** Why it failed, or why the last attempt did. */
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/** What the row says of itself beyond what every store holds. */
export interface RowEvidence extends ResultKey {
  /** The position that last changed the row: of another one this is no evidence. */
  readonly position: Position;
  readonly cause: string;
  readonly digest: string | null;
  readonly events: number | null;
  readonly duplicatesDropped: number | null;
  /** ISO-8601. */
  readonly maxEventTime: string | null;
}

/** Why the row has its cap, as the decision wrote it down (src/decision/decided.ts). */
export interface RowDecision {
  /** The position that last changed the row: of another one this says nothing. */
  readonly position: Position;
  /** null: written before 0.3.0. */
  readonly decided: string | null;
  /** The position that made the row; null: made before 0.3.0. */
  readonly firstPosition: Position | null;
}

interface LedgerQuery {
  readonly kind?: string;
  readonly businessKey?: string;
  readonly engine?: ProcessingEngine;
  /** Those noted before this one. */
  readonly after?: bigint;
  /** At most 501. */
  readonly limit: number;
}

/** All newest first, and each @throws AppError STORE_UNAVAILABLE (retryable). */
export interface AuditReader {
  refusals(query: LedgerQuery): Promise<readonly StoredRefusal[]>;
  requests(
    query: LedgerQuery & { readonly state?: ReprocessingState; readonly ids?: readonly bigint[] },
  ): Promise<readonly StoredRequest[]>;
  /** Of those that are stored, in any order. */
  evidence(keys: readonly ResultKey[]): Promise<readonly RowEvidence[]>;
  /** null: there is no such row. */
  decision(key: ResultKey): Promise<RowDecision | null>;
}

export interface ReprocessingDesk {
  /**
   * Asks that a result be recomputed; one that is asked for already stays that one request.
   * @returns the id of the open request
   * @throws AppError BUSINESS_KEY_INVALID, KIND_NOT_REPROCESSABLE, REPROCESSING_FULL (retryable), REPROCESSING_OFF, RESULT_UNKNOWN
   */
  request(key: ResultKey): Promise<bigint>;
}
