import { createHash } from 'node:crypto';
import type { OrderEvent, OrderStatus } from '../wire/event.js';
import { mulberry32, zipf } from './random.js';

export interface StreamOptions {
  readonly seed: number;
  /** 1 … 1000: symbols G000 … G999, so that people's own symbols count exactly. */
  readonly symbols: number;
  readonly skew: number;
  /** Fractions of the records. */
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly late: number;
  readonly tooLate: number;
  readonly updates: number;
  readonly poison: number;
}

export const DEFAULT_STREAM: StreamOptions = {
  seed: 1,
  symbols: 200,
  skew: 0,
  duplicates: 0.02,
  outOfOrder: 0.1,
  late: 0.01,
  tooLate: 0,
  updates: 0,
  poison: 0,
};

export interface SourceMessage {
  readonly key: string;
  readonly value: string;
}

const DISORDER_MS = 9_500; // below the watermark's delay of 10 s, so that out of order is not yet late
const LATEST_MS = 60_000; // up to here behind, an event still finds its window
const DROPPED_FROM_MS = 380_000; // window + lateness + delay, and a little: from here behind, it cannot
const REMEMBERED = 50;

/** A name-based UUID: the same event has the same id in every run of the same seed. */
export function eventId(name: string): string {
  const h = createHash('sha256').update(name).digest('hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

/** Seeded stream of source records. `session` keeps order ids of two starts with the same seed apart. */
export class EventStream {
  readonly #random: () => number;
  readonly #pick: (uniform: number) => number;
  readonly #recent: SourceMessage[] = [];
  readonly #orders: OrderEvent[] = [];
  #count = 0;

  constructor(
    private readonly options: StreamOptions,
    private readonly session: string,
  ) {
    this.#random = mulberry32(options.seed);
    this.#pick = zipf(options.symbols, options.skew);
  }

  /** The next record, as of the given time. Same options, session and times: same bytes. */
  next(nowMs: number): SourceMessage {
    const { duplicates, updates, poison } = this.options;
    const kind = this.#random();
    if (kind < duplicates) {
      const again = this.#recent[Math.floor(this.#random() * this.#recent.length)];
      if (again !== undefined) return again;
    }
    if (kind >= duplicates && kind < duplicates + updates) {
      const order = this.#orders[Math.floor(this.#random() * this.#orders.length)];
      if (order !== undefined) return this.#remember(this.#update(order, nowMs));
    }
    const event = this.#create(nowMs);
    if (kind >= 1 - poison) return { key: event.symbol, value: JSON.stringify(event).slice(0, 40) };
    this.#orders.push(event);
    if (this.#orders.length > REMEMBERED) this.#orders.shift();
    return this.#remember(event);
  }

  #create(nowMs: number): OrderEvent {
    const n = ++this.#count;
    const index = this.#pick(this.#random());
    const orderId = `${this.session}-${n}`;
    const base = 1_000_000 + ((index * 7919) % 500) * 100_000; // in hundredths
    const cents = Math.round(base * (0.97 + 0.06 * this.#random()));
    const large = this.#random() < 0.01;
    const eventMs = nowMs - this.#delayMs();
    return {
      event_id: eventId(`${orderId}:1`),
      order_id: orderId,
      symbol: `G${String(index).padStart(3, '0')}`,
      side: this.#random() < 0.5 ? 'BUY' : 'SELL',
      quantity: large ? 501 + Math.floor(this.#random() * 500) : 1 + Math.floor(this.#random() * 200),
      price: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`,
      status: 'PENDING',
      op: 'c',
      event_time: new Date(eventMs).toISOString(),
      produce_time: new Date(nowMs).toISOString(),
      version: 1,
    };
  }

  #delayMs(): number {
    const { outOfOrder, late, tooLate } = this.options;
    const which = this.#random();
    const uniform = this.#random();
    if (which < outOfOrder) return Math.floor(uniform * DISORDER_MS);
    if (which < outOfOrder + late) return 10_001 + Math.floor(uniform * (LATEST_MS - 10_001));
    if (which < outOfOrder + late + tooLate) return DROPPED_FROM_MS + Math.floor(uniform * 60_000);
    return 0;
  }

  #update(order: OrderEvent, nowMs: number): OrderEvent {
    const version = order.version + 1;
    const statuses: readonly OrderStatus[] = ['FILLED', 'CANCELLED'];
    const status = statuses[version % 2] ?? 'FILLED';
    const time = new Date(nowMs).toISOString();
    const event_id = eventId(`${order.order_id}:${version}`);
    const updated: OrderEvent = { ...order, op: 'u', status, version, event_id, event_time: time, produce_time: time };
    this.#orders[this.#orders.indexOf(order)] = updated;
    return updated;
  }

  #remember(event: OrderEvent): SourceMessage {
    const message = { key: event.symbol, value: JSON.stringify(event) };
    this.#recent.push(message);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    return message;
  }
}

/** `count` records spread evenly over [fromMs, toMs): the past, in the order in which it would have come. */
export function* backfill(stream: EventStream, count: number, fromMs: number, toMs: number): Generator<SourceMessage> {
  for (let i = 0; i < count; i++) yield stream.next(fromMs + Math.floor(((toMs - fromMs) * i) / count));
}

/** How many records are due by now at a steady rate. */
export function due(ratePerSecond: number, startedMs: number, nowMs: number): number {
  return Math.floor(((nowMs - startedMs) * ratePerSecond) / 1000);
}
