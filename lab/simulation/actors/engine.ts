/** What the two models of a result producer have in common: they count the source's events, and say so in messages. */
import type { Topic } from '../ports/topic.js';
import type { Scheduler } from '../scheduler.js';
import { keyOfEvent, windowOf, type Source, type SourceEvent, type Tally } from './source.js';

export const KIND = 'tally';

interface Count extends Tally {
  readonly symbol: string;
  readonly windowMs: number;
  readonly partition: number;
  readonly first: number;
  readonly last: number;
  readonly revision: number;
}

export type State = Map<string, Count>;
/** Next offset to read, per source partition. */
export type Read = [number, number];

const HEARTBEAT_MS = 600;
const EVENTS_AT_ONCE = 3;

const counted = (count: Count | undefined, event: SourceEvent): Count => ({
  symbol: event.symbol,
  windowMs: windowOf(event.eventMs),
  partition: event.partition,
  first: count?.first ?? event.offset,
  last: event.offset,
  total: (count?.total ?? 0) + 1,
  quantity: (count?.quantity ?? 0) + event.quantity,
  revision: (count?.revision ?? 0) + 1,
});

export const iso = (ms: number): string => new Date(Math.floor(ms)).toISOString();

export const envelope = (kind: string, key: string, value: object): object => ({
  schema: 1,
  kind,
  business_key: key,
  op: 'upsert',
  calculated_value: value,
});

export abstract class Engine {
  protected state: State = new Map();
  protected read: Read = [0, 0];
  protected run = '';
  protected seq = 0;
  protected up = false;
  private beatAt = 0;

  constructor(
    protected readonly sim: Scheduler,
    protected readonly source: Source,
    protected readonly topic: Topic,
  ) {}

  begin(): void {
    this.start();
    this.loop();
  }

  abstract crash(): void;
  protected abstract start(): void;
  protected abstract message(kind: string, key: string, value: object, more: object): object;
  protected abstract send(key: string, value: Buffer): void;
  protected abstract worked(): void;
  /** Is the next event one that this attempt throws away? */
  protected abstract drops(): boolean;

  /** Has everything been read, and sent for good? */
  get idle(): boolean {
    return this.up && this.read.every((next, p) => next === this.source.partitions[p]?.length);
  }

  protected emit(kind: string, key: string, value: object, more: object = {}): void {
    this.seq += 1;
    this.send(key, Buffer.from(JSON.stringify(this.message(kind, key, value, { seq: this.seq, ...more }))));
  }

  private loop(): void {
    this.sim.after(this.sim.random.between(60, 140), '', () => {
      if (this.up) this.work();
      this.loop();
    });
  }

  private work(): void {
    for (const [p, log] of this.source.partitions.entries()) {
      const from = this.read[p as 0 | 1];
      for (const event of log.slice(from, from + EVENTS_AT_ONCE)) {
        this.read[p as 0 | 1] = event.offset + 1;
        if (!this.drops()) this.count(event);
      }
    }
    if (this.sim.now >= this.beatAt) {
      this.beatAt = this.sim.now + HEARTBEAT_MS;
      this.heartbeat();
    }
    this.worked();
  }

  private count(event: SourceEvent): void {
    const key = keyOfEvent(event);
    const count = counted(this.state.get(key), event);
    this.state.set(key, count);
    const { symbol, windowMs, total, quantity, revision, partition, first, last } = count;
    // The padding makes some transactions too large for one message; an event counted again gives the same value again.
    const pad = 'x'.repeat((event.offset * 7 + event.partition) % 10 < 3 ? 150 : 10);
    const value = { symbol, window_start: iso(windowMs), orders_total: total, quantity, pad };
    const evidence = {
      events: total,
      digest: String(total),
      duplicates_dropped: 0,
      coverage: { [partition]: [first, last] },
      max_event_time: iso(event.eventMs),
    };
    this.emit(KIND, key, value, { revision, cause: 'IN_ORDER', final: false, evidence });
  }

  private heartbeat(): void {
    const sources = Object.fromEntries(
      this.read.map((next, p) => {
        const last = this.source.partitions[p]?.[next - 1];
        return [p, { next_offset: next, append_time: last === undefined ? null : iso(last.eventMs) }];
      }),
    );
    this.emit('_heartbeat', this.run, { state: 'RUNNING', sources });
  }
}
