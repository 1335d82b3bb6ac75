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
import { planOf, unmetOf, type Taken } from './unmet.js';

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
  /** null: the response carries nothing that has a contract. */
  readonly weakest: ConfidenceLevel | null;
  readonly token: string | null;
  /** True when contracts or paths were left out; the weakest and the token still speak of all. */
  readonly truncated: boolean;
  /** Fields whose requirement no store could meet, and what was offered; left out when there is none. */
  readonly unmet?: readonly object[];
  /** The way of each field that asked for it (`explainPlan`). */
  readonly plan?: readonly object[];
}

export class Ledger {
  private readonly groups = new Map<string, Group>();
  private readonly limits: LedgerLimits;
  private level: ConfidenceLevel = 'HIGH';
  private reached: Position = ORIGIN;
  private paths = 0;
  private left = false;
  private wrotePosition: Position | null = null;
  private readonly taken = new Map<string, Taken>();
  private readonly late = new Set<string>();
  private readonly withdrawn = new Set<string>();

  constructor(limits: LedgerLimits = LEDGER_LIMITS) {
    this.limits = limits;
  }

  /** `contract` holds for what the response has at `path` (response keys and indexes, joined by dots). */
  add(path: string, contract: SharedContract): void {
    const { claim } = contract;
    this.level = weakest(this.level, claim.confidenceLevel);
    this.reached = maxPosition(
      this.reached,
      maxPosition(claim.provenAt ?? ORIGIN, claim.reflects?.position ?? claim.position),
    );
    const group = this.groupOf(contract);
    group.served++;
    if (this.paths >= this.limits.paths) {
      this.left = true;
      return;
    }
    this.paths++;
    group.paths.push(path);
  }

  /** The request has written, and this position reflects it; null: nobody can say. */
  wrote(position: Position | null): void {
    this.wrotePosition = position;
    if (position !== null) this.reached = maxPosition(this.reached, position);
  }

  /** The way that the answer of a root field took. */
  routed(path: string, taken: Taken): void {
    this.taken.set(path, taken);
  }

  /** Fields whose answer met its bound on staleness when it was read, and does not any more. Asked once, when it is sent. */
  *outgrown(): Iterable<{ readonly path: string; readonly taken: Taken }> {
    for (const [path, taken] of this.taken) {
      const { maxStalenessMs } = taken.requirement;
      if (!taken.met || maxStalenessMs === null || (taken.stalenessMs() ?? Infinity) <= maxStalenessMs) continue;
      this.late.add(path);
      yield { path, taken };
    }
  }

  /** What was read for the field is not given after all. */
  withdraw(path: string): void {
    this.withdrawn.add(path);
  }

  /**
   * null when there is nothing to say: no contract, no requirement, no write.
   * @param incarnation the history that the positions belong to; without one there is no token
   */
  extension(incarnation: string | null): ConsistencyExtension | null {
    if (this.groups.size === 0 && this.taken.size === 0 && this.wrotePosition === null) return null;
    const groups = [...this.groups.values()];
    const kept = groups.map(({ contract, paths }) => ({ contract, paths: this.standing(paths) }));
    const shown = kept.filter(({ paths }) => paths.length > 0).slice(0, this.limits.contracts);
    const said = groups.length > 0 || this.wrotePosition !== null;
    const { unmet, plan } = this.ways();
    return {
      contracts: shown.map(({ contract, paths }) => ({ ...plain(contract), paths })),
      weakest: groups.length === 0 ? null : this.level,
      token: incarnation === null || !said ? null : encodeToken({ incarnation, position: this.reached }),
      truncated: this.left || groups.filter(({ paths }) => paths.length > 0).length > this.limits.contracts,
      ...(unmet.length === 0 ? {} : { unmet }),
      ...(plan.length === 0 ? {} : { plan }),
    };
  }

  private ways(): { readonly unmet: readonly object[]; readonly plan: readonly object[] } {
    const all = [...this.taken];
    return {
      unmet: all
        .filter(([path, { met }]) => !met || this.late.has(path))
        .map(([path, taken]) => ({ path, ...unmetOf(taken) })),
      plan: all
        .filter(([, { requirement }]) => requirement.explainPlan)
        .map(([path, taken]) => ({ path, ...planOf(taken) })),
    };
  }

  private standing(paths: readonly string[]): readonly string[] {
    if (this.withdrawn.size === 0) return paths;
    return paths.filter((path) => !this.withdrawn.has(path.split('.', 1)[0] ?? path));
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
