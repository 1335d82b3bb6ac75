/**
 * Collects, during one request, which contract holds at which path, and writes `extensions.consistency`: the distinct
 * contracts with their paths, the weakest, and a token. Bounded: a page of 500 rows adds one string each at most.
 *
 * Rows of one answer differ in their `position`, which every field shows; here it is left out, so that they group.
 */
import { encodeToken } from '../position/token.js';
import { maxPosition, ORIGIN, type Position } from '../position/position.js';
import { weakest, type ConfidenceLevel } from '../words.js';
import type { SharedContract } from './field.js';

export interface LedgerLimits {
  readonly contracts: number;
  readonly paths: number;
}

export const LEDGER_LIMITS: LedgerLimits = { contracts: 100, paths: 1000 };

interface Group {
  readonly contract: SharedContract;
  readonly paths: string[];
  served: number;
}

/** `extensions.consistency` of a response. */
export interface ConsistencyExtension {
  readonly contracts: readonly object[];
  readonly weakest: ConfidenceLevel;
  readonly token: string | null;
  /** True when contracts or paths were left out; the weakest and the token still speak of all. */
  readonly truncated: boolean;
}

export class Ledger {
  private readonly groups = new Map<string, Group>();
  private readonly limits: LedgerLimits;
  private level: ConfidenceLevel = 'HIGH';
  private reached: Position = ORIGIN;
  private paths = 0;
  private left = false;

  constructor(limits: LedgerLimits = LEDGER_LIMITS) {
    this.limits = limits;
  }

  /** `contract` holds for what the response has at `path` (response keys and indexes, joined by dots). */
  add(path: string, contract: SharedContract): void {
    const { claim } = contract;
    this.level = weakest(this.level, claim.confidenceLevel);
    this.reached = maxPosition(this.reached, maxPosition(claim.position, claim.provenAt ?? ORIGIN));
    const group = this.groupOf(contract);
    group.served++;
    if (this.paths >= this.limits.paths) {
      this.left = true;
      return;
    }
    this.paths++;
    group.paths.push(path);
  }

  /**
   * null when the response carries nothing that has a contract.
   * @param incarnation the history that the positions belong to; without one there is no token
   */
  extension(incarnation: string | null): ConsistencyExtension | null {
    if (this.groups.size === 0) return null;
    const groups = [...this.groups.values()];
    const shown = groups.filter((group) => group.paths.length > 0).slice(0, this.limits.contracts);
    return {
      contracts: shown.map(({ contract, paths }) => ({ ...plain(contract), paths })),
      weakest: this.level,
      token: incarnation === null ? null : encodeToken({ incarnation, position: this.reached }),
      truncated: this.left || shown.length < groups.length,
    };
  }

  /** How often each contract was served, for the metrics. */
  *served(): Iterable<{ readonly contract: SharedContract; readonly count: number }> {
    for (const group of this.groups.values()) yield { contract: group.contract, count: group.served };
  }

  private groupOf(contract: SharedContract): Group {
    const key = distinct(contract);
    let group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, (group = { contract, paths: [], served: 0 }));
    return group;
  }
}

function distinct({ claim: c }: SharedContract): string {
  return `${c.confidenceLevel}|${c.servedBy}|${c.consistencyScope}|${c.processingEngine}|${c.stale}|${c.asOf}|${c.provenAt}|${c.lastCdcSync}|${c.lastCheckpointTime}|${c.sourceAsOf}|${c.reasons.join()}`;
}

const plain = (contract: SharedContract): object => ({
  confidenceLevel: contract.confidenceLevel,
  consistencyScope: contract.consistencyScope,
  processingEngine: contract.processingEngine,
  servedBy: contract.servedBy,
  stale: contract.stale,
  reasons: contract.claim.reasons,
  asOf: contract.asOf,
  stalenessMs: contract.stalenessMs,
  sourceAsOf: contract.sourceAsOf,
  lastCheckpointTime: contract.lastCheckpointTime,
  lastCdcSyncTime: contract.lastCdcSyncTime,
  provenAt: contract.provenAt?.toString() ?? null,
});
