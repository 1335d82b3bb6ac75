import type { History } from '../history/types.js';

/** What a checker says. Nothing here is counted twice: a claim is (key, row position, fault), however often it was read. */
export interface Violation {
  /** Which sentence of contract.md §2 is false. */
  readonly sentence: string;
  readonly key: string;
  readonly position: number | null;
  readonly fault: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

export interface Unknown {
  readonly claims: number;
  readonly why: string;
  readonly example: string;
}

export interface Verdict {
  readonly checker: string;
  /** `unknown`: nothing was violated, because nothing could be checked. */
  readonly verdict: 'true' | 'false' | 'unknown';
  /** Distinct claims about which at least one sentence was checked. */
  readonly claims: number;
  /** Per sentence: the claims that it was held against, and that had an outcome. */
  readonly exercised: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
  readonly unknown: Readonly<Record<string, Unknown>>;
  readonly figures?: Readonly<Record<string, unknown>>;
}

/** null: the sentence does not speak of this claim. */
export type Outcome = null | 'holds' | { readonly unknown: string } | { readonly false: Record<string, unknown> };
export const unknown = (why: string): Outcome => ({ unknown: why });
export const broken = (evidence: Record<string, unknown>): Outcome => ({ false: evidence });

export interface ClaimId {
  readonly key: string;
  readonly position: number | null;
  readonly fault: string;
}

export type Checker = (history: History, options?: Options) => Verdict;

export interface Options {
  /** p99(claimed − true staleness) without faults, at most so many ms. */
  readonly staleP99Ms?: number;
  /** Share of HIGH among reads of final Flink windows without faults, per store, at least. */
  readonly highShare?: number;
  /** Share of LOW for right and newest values among reads without faults, at most. */
  readonly falseLowShare?: number;
  /** A share is measured from so many claims on. */
  readonly enough?: number;
}

export class Collector {
  /** Numbers stand for claims: each sentence remembers which it was held against. */
  private readonly numbers = new Map<string, number>();
  private readonly claims = new Set<number>();
  private readonly checked = new Map<string, Set<number>>();
  private readonly found = new Map<string, Violation>();
  private readonly open = new Map<string, { claims: Set<number>; why: string; example: string }>();

  constructor(private readonly checker: string) {}

  note(sentence: string, id: ClaimId, outcome: Outcome, context: () => Record<string, unknown> = () => ({})): void {
    if (outcome === null) return;
    const number = this.numberOf(`${id.key}\u0000${id.position}\u0000${id.fault}`);
    if (typeof outcome === 'object' && 'unknown' in outcome) return this.unsure(sentence, number, outcome.unknown, id);
    this.claims.add(number);
    const checked = this.checked.get(sentence) ?? new Set();
    this.checked.set(sentence, checked.add(number));
    if (outcome === 'holds') return;
    const place = `${sentence}\u0000${number}`;
    if (this.found.has(place)) return;
    this.found.set(place, { sentence, ...id, evidence: { ...outcome.false, ...context() } });
  }

  verdict(figures?: Record<string, unknown>): Verdict {
    const violations = [...this.found.values()];
    return {
      checker: this.checker,
      verdict: violations.length > 0 ? 'false' : this.claims.size > 0 ? 'true' : 'unknown',
      claims: this.claims.size,
      exercised: Object.fromEntries([...this.checked].map(([sentence, claims]) => [sentence, claims.size])),
      violations,
      unknown: Object.fromEntries(
        [...this.open].map(([id, { claims, why, example }]) => [id, { claims: claims.size, why, example }]),
      ),
      ...(figures === undefined ? {} : { figures }),
    };
  }

  private numberOf(triple: string): number {
    const known = this.numbers.get(triple);
    if (known !== undefined) return known;
    this.numbers.set(triple, this.numbers.size);
    return this.numbers.size - 1;
  }

  private unsure(sentence: string, number: number, why: string, { key }: ClaimId): void {
    const id = `${sentence}: ${why}`;
    const open = this.open.get(id) ?? { claims: new Set<number>(), why, example: key };
    open.claims.add(number);
    this.open.set(id, open);
  }
}
