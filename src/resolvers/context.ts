import type { Ledger } from '../contract/ledger.js';
import type { Observed } from '../contract/observed.js';
import type { ProofSource } from '../contract/proof-port.js';
import type { ScopePlan } from '../contract/consistency.js';
import type { RequestReader } from '../contract/reader.js';
import type { SendingClock } from '../contract/staleness.js';
import type { Bounds } from '../contract/assess.js';
import type { Micros, Position } from '../position/position.js';
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

/** What all requests share. */
export interface Services {
  readonly proofs: ProofSource;
  readonly observed: Observed;
  readonly clock: SendingClock;
  readonly bounds: Bounds;
  readonly maxPageSize: number;
  readonly storeStatuses: () => Promise<readonly StoreHealth[]>;
  readonly decisionTable: readonly DecisionRow[];
  readonly version: string;
}

/** What a resolver gets. Plain properties only: Apollo copies the object. */
export interface RequestContext {
  readonly services: Services;
  readonly reader: RequestReader;
  readonly ledger: Ledger;
  /** Set by the plugin before execution. */
  plan: ScopePlan;
}
