/**
 * Makes what is applied searchable, at a bounded pace, and only then moves the search position: while something has
 * changed the index is refreshed at most every `refreshMs`, otherwise never.
 */
import { asError } from '../../errors.js';
import { refreshed, type BoundPosition } from './position.js';
import { unavailable, type ElasticPlace } from './request.js';
import { refresh } from './schema.js';

export class Refresher {
  private bound: BoundPosition | null = null;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private lastMs = -Infinity;

  constructor(
    private readonly place: ElasticPlace,
    private readonly monotonicMs: () => number,
    private readonly onError: (error: Error) => void,
  ) {}

  /** Something was applied: if it is not searchable yet, a refresh is made as soon as the pace allows. */
  applied(bound: BoundPosition): void {
    this.bound = bound;
    const { search, applied } = bound.meta;
    if (this.timer !== null || search.position >= applied.position) return;
    const waitMs = Math.max(0, this.lastMs + this.place.limits.refreshMs - this.monotonicMs());
    this.timer = setTimeout(() => {
      this.timer = null;
      this.running = this.make(bound).then(
        // What was applied meanwhile.
        () => (this.bound === bound ? this.applied(bound) : undefined),
        // The next change or heartbeat asks again.
        (error: unknown) => this.onError(asError(error)),
      );
    }, waitMs);
    this.timer.unref();
  }

  /** Now: resolves when all that was applied before the call is searchable. */
  async settle(bound: BoundPosition): Promise<void> {
    await this.running;
    await this.make(bound);
  }

  /** Ends the pace; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.bound = null;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.running;
  }

  private async make(bound: BoundPosition): Promise<void> {
    this.lastMs = this.monotonicMs();
    // Before the refresh: all of it is written, so all of it is in what the refresh makes searchable.
    const { applied, index } = bound.meta;
    if (!(await refresh(this.place, index))) throw unavailable('a shard was not refreshed', 'none');
    await bound.update((meta) => refreshed(meta, applied));
  }
}
