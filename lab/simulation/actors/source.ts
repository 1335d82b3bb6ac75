/** What happens in the world: events of a few symbols in two source partitions, and the fold that every result must equal. */
import type { Scheduler } from '../scheduler.js';

export interface SourceEvent {
  readonly partition: number;
  readonly offset: number;
  readonly symbol: string;
  readonly quantity: number;
  readonly eventMs: number;
}

export interface Tally {
  readonly total: number;
  readonly quantity: number;
}

/** 2026-01-05T09:00:00.000Z, when every run begins. */
export const EPOCH_MS = 1_767_603_600_000;
const WINDOW_MS = 1_000;
const SYMBOLS: readonly (readonly string[])[] = [['A', 'B'], ['C']];

export const windowOf = (eventMs: number): number => Math.floor(eventMs / WINDOW_MS) * WINDOW_MS;
export const keyOfEvent = ({ symbol, eventMs }: SourceEvent): string =>
  `${symbol}@${new Date(windowOf(eventMs)).toISOString()}`;

export class Source {
  readonly partitions: SourceEvent[][] = [[], []];
  private readonly byKey = new Map<string, SourceEvent[]>();
  private stopped = false;

  constructor(
    private readonly sim: Scheduler,
    private readonly everyMs: number,
  ) {
    this.next();
  }

  stop(): void {
    this.stopped = true;
  }

  get keys(): string[] {
    return [...this.byKey.keys()];
  }

  /** The fold of a key's events up to a coverage (inclusive last offset per partition), or of all. */
  fold(key: string, upTo: Readonly<Record<string, readonly [number, number]>> | null): Tally {
    const events = (this.byKey.get(key) ?? []).filter(
      ({ partition, offset }) => upTo === null || offset <= (upTo[String(partition)]?.[1] ?? -1),
    );
    return { total: events.length, quantity: events.reduce((sum, { quantity }) => sum + quantity, 0) };
  }

  private next(): void {
    const { sim } = this;
    sim.after(sim.random.latency(this.everyMs), '', () => {
      if (this.stopped) return;
      const partition = sim.random.below(2);
      const log = this.partitions[partition] ?? [];
      const eventMs = Math.floor(EPOCH_MS + sim.now);
      const symbol = sim.random.pick(SYMBOLS[partition] ?? ['A']);
      const event = { partition, offset: log.length, symbol, quantity: 1 + sim.random.below(9), eventMs };
      log.push(event);
      const own = this.byKey.get(keyOfEvent(event));
      if (own === undefined) this.byKey.set(keyOfEvent(event), [event]);
      else own.push(event);
      this.next();
    });
  }
}
