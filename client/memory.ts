/** What a session remembers of one question: which way to ask, since when it has not been good, and the last good answer. */
import type { Contracts } from './answer.js';
import type { Policy } from './policy.js';
import { startSteady, steadyAfter, type Steady } from './steady.js';

export interface LastGood {
  readonly data: unknown;
  readonly contracts: Contracts;
  readonly atMs: number;
}

export class Memory {
  private readonly policy: Policy;
  /** Is the way that the policy asks first good enough? */
  private way: Steady;
  /** Is what is shown good enough? */
  private shown: Steady;
  private badSinceMs: number | null = null;
  private probedAtMs = -Infinity;
  lastGood: LastGood | null = null;

  constructor(policy: Policy) {
    this.policy = policy;
    this.way = startSteady(policy.steady);
    this.shown = startSteady(policy.steady);
  }

  get preferred(): boolean {
    return this.way.good;
  }

  /** How long it has been waited for a good answer, milliseconds. */
  waitedMs(nowMs: number): number {
    return this.badSinceMs === null ? 0 : nowMs - this.badSinceMs;
  }

  /** Is it time to try the preferred way beside the strict one? Says yes once. */
  probeDue(nowMs: number): boolean {
    if (this.way.good || nowMs - this.probedAtMs < this.policy.steady.probeMs) return false;
    this.probedAtMs = nowMs;
    return true;
  }

  /** The preferred way gave such an answer. */
  sawPreferred(good: boolean, nowMs: number): void {
    const wasGood = this.way.good;
    this.way = steadyAfter(this.way, good, nowMs, this.policy.steady);
    if (wasGood && !good) this.probedAtMs = nowMs;
  }

  /** Such an answer is about to be shown. @returns may it be used already? */
  sawAnswer(good: boolean, nowMs: number): boolean {
    this.badSinceMs = good ? null : (this.badSinceMs ?? nowMs);
    this.shown = steadyAfter(this.shown, good, nowMs, this.policy.steady);
    return this.shown.good;
  }
}

/** The memories of a session, the least used forgotten first. */
export class Memories {
  private readonly most: number;
  private readonly byKey = new Map<string, Memory>();

  constructor(most: number) {
    this.most = most;
  }

  of(policy: Policy, key: string): Memory {
    const id = `${policy.name}\n${key}`;
    const memory = this.byKey.get(id) ?? new Memory(policy);
    this.byKey.delete(id);
    this.byKey.set(id, memory);
    for (const oldest of this.byKey.keys()) {
      if (this.byKey.size <= this.most) break;
      this.byKey.delete(oldest);
    }
    return memory;
  }

  clear(): void {
    this.byKey.clear();
  }

  /** What was good may not be any more. */
  forgetGood(): void {
    for (const memory of this.byKey.values()) memory.lastGood = null;
  }
}
