/**
 * The contract as the API shows it. One `SharedContract` per row, null or set; every leaf of a row is a `ContractLeaf`
 * that delegates to it. Getters on the prototype, results remembered: the compiled executor reads plain properties.
 */
import type { ConfidenceLevel, ConsistencyScope, ProcessingEngine, Store } from '../words.js';
import { microsToIso, type Micros, type Position } from '../position/position.js';
import type { Contract } from './assess.js';
import { reasonOf, type Reason } from './reason.js';
import { LateStaleness, type SendingClock } from './staleness.js';

const iso = (at: Micros | null): string | null => (at === null ? null : microsToIso(at));

export class SharedContract {
  readonly confidenceLevel: ConfidenceLevel;
  readonly consistencyScope: ConsistencyScope;
  readonly processingEngine: ProcessingEngine;
  readonly lastCheckpointTime: string | null;
  readonly sourceAsOf: string | null;
  readonly stale: boolean;
  readonly servedBy: Store;
  /** Late: see `LateStaleness`. */
  readonly stalenessMs: LateStaleness;
  /** What it was made of: for grouping, tokens and tests. */
  readonly claim: Contract;
  private lastCdcSyncIso: string | null | undefined;
  private asOfIso: string | null | undefined;
  private reasonList: readonly Reason[] | undefined;

  constructor(claim: Contract, clock: SendingClock, assessedAt: Micros | null) {
    this.confidenceLevel = claim.confidenceLevel;
    this.consistencyScope = claim.consistencyScope;
    this.processingEngine = claim.processingEngine;
    this.lastCheckpointTime = claim.lastCheckpointTime;
    this.sourceAsOf = claim.sourceAsOf;
    this.stale = claim.stale;
    this.servedBy = claim.servedBy;
    this.stalenessMs = new LateStaleness(clock, claim.asOf, assessedAt);
    this.claim = claim;
    this.lastCdcSyncIso = undefined;
    this.asOfIso = undefined;
    this.reasonList = undefined;
  }

  get lastCdcSyncTime(): string | null {
    return (this.lastCdcSyncIso ??= iso(this.claim.lastCdcSync));
  }

  get asOf(): string | null {
    return (this.asOfIso ??= iso(this.claim.asOf));
  }

  get reasons(): readonly Reason[] {
    return (this.reasonList ??= this.claim.reasons.map(reasonOf));
  }

  get position(): Position {
    return this.claim.position;
  }

  get provenAt(): Position | null {
    return this.claim.provenAt;
  }
}

/** A leaf of a result: its value, and the contract of its row. */
export class ContractLeaf {
  readonly value: unknown;
  private readonly contract: SharedContract;

  constructor(value: unknown, contract: SharedContract) {
    this.value = value;
    this.contract = contract;
  }

  get confidenceLevel(): ConfidenceLevel {
    return this.contract.confidenceLevel;
  }
  get consistencyScope(): ConsistencyScope {
    return this.contract.consistencyScope;
  }
  get processingEngine(): ProcessingEngine {
    return this.contract.processingEngine;
  }
  get lastCheckpointTime(): string | null {
    return this.contract.lastCheckpointTime;
  }
  get lastCdcSyncTime(): string | null {
    return this.contract.lastCdcSyncTime;
  }
  get asOf(): string | null {
    return this.contract.asOf;
  }
  get sourceAsOf(): string | null {
    return this.contract.sourceAsOf;
  }
  get stalenessMs(): LateStaleness {
    return this.contract.stalenessMs;
  }
  get stale(): boolean {
    return this.contract.stale;
  }
  get reasons(): readonly Reason[] {
    return this.contract.reasons;
  }
  get servedBy(): Store {
    return this.contract.servedBy;
  }
  get position(): Position {
    return this.contract.position;
  }
  get provenAt(): Position | null {
    return this.contract.provenAt;
  }
}
