/**
 * Asks again and again: `everyMs` after the last answer, one question at a time; not while nobody looks. A failed question
 * keeps the answer before it, with its time: the page says how old it is. No clock of its own, no document: for tests.
 */
import type { Instant } from '../../client/index.js';

export interface Live<T> {
  /** The newest answer; null: none came yet. */
  readonly data: T | null;
  /** When the question for `data` was sent: nothing in it can be older knowledge than that. */
  readonly since: Instant | null;
  /** What went wrong with the newest question, if anything did. Of a part of it: `data` has the rest. */
  readonly error: unknown;
  /** Questions answered or failed. */
  readonly rounds: number;
}

export const NOTHING_YET: Live<never> = { data: null, since: null, error: null, rounds: 0 };

export interface Asked<T> {
  readonly data: T | null;
  readonly error: unknown;
}

export interface PollerDeps<T> {
  readonly ask: (signal: AbortSignal) => Promise<Asked<T>>;
  readonly tell: (live: Live<T>) => void;
  readonly now: () => Instant;
  readonly everyMs: number;
}

export class Poller<T> {
  private live: Live<T> = NOTHING_YET;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private asking: AbortController | null = null;
  private running = false;

  constructor(private readonly deps: PollerDeps<T>) {}

  /** At once, and from then on. */
  resume(): void {
    if (this.running) return;
    this.running = true;
    void this.round();
  }

  /** What is under way is given up; nothing is told any more. */
  pause(): void {
    this.running = false;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.asking?.abort();
    this.asking = null;
  }

  private async round(): Promise<void> {
    const asking = new AbortController();
    this.asking = asking;
    const since = this.deps.now();
    const asked = await this.deps.ask(asking.signal).catch((error: unknown) => ({ data: null, error }));
    if (asking.signal.aborted) return;
    const { rounds } = this.live;
    this.live =
      asked.data === null
        ? { ...this.live, error: asked.error, rounds: rounds + 1 }
        : { data: asked.data, since, error: asked.error, rounds: rounds + 1 };
    this.deps.tell(this.live);
    this.timer = setTimeout(() => void this.round(), this.deps.everyMs);
  }
}
