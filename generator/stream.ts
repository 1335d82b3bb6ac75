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
  readonly updates: number;
  readonly deletes: number;
  readonly poison: number;
  /** Fractions of the new orders. */
  readonly outOfOrder: number;
  readonly late: number;
  readonly tooLate: number;
  readonly large: number;
  readonly spikes: number;
  /** Fraction of the new orders that begin a burst: so many orders of one symbol at once. */
  readonly bursts: number;
  readonly burstSize: number;
  /** Fraction of the updates that are overtaken by the next version. */
  readonly overtaken: number;
}

/** Something of everything that people can look at; what breaks claims (too late, poison) is off unless asked for. */
export const DEFAULT_STREAM: StreamOptions = {
  seed: 1,
  symbols: 200,
  skew: 0,
  duplicates: 0.02,
  updates: 0.1,
  deletes: 0.01,
  poison: 0,
  outOfOrder: 0.1,
  late: 0.01,
  tooLate: 0,
  large: 0.005,
  spikes: 0.003,
  bursts: 0.0005,
  burstSize: 6,
  overtaken: 0.1,
};

export interface SourceMessage {
  readonly key: string;
  readonly value: string;
}

const DISORDER_MS = 9_500; // below the watermark's delay of 10 s, so that out of order is not yet late
const LATEST_MS = 60_000; // up to here behind, an event still finds its window
const DROPPED_FROM_MS = 380_000; // window + lateness + delay, and a little: from here behind, it cannot
const REMEMBERED = 50;
const OVERTAKEN_BY = 3; // records that pass before an overtaken update comes after all

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
  /** Newest version of the orders that may still change. */
  readonly #orders: OrderEvent[] = [];
  /** Overtaken updates, and how many records still pass before each. */
  readonly #held: { readonly event: OrderEvent; passes: number }[] = [];
  #burst = { symbol: 0, left: 0 };
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
    for (const held of this.#held) held.passes--;
    if ((this.#held[0]?.passes ?? 1) <= 0) {
      const held = this.#held.shift();
      if (held !== undefined) return this.#remember(held.event);
    }
    const { duplicates, updates, deletes, poison } = this.options;
    const kind = this.#random();
    if (kind < duplicates) {
      const again = this.#recent[Math.floor(this.#random() * this.#recent.length)];
      if (again !== undefined) return again;
    }
    if (kind >= duplicates && kind < duplicates + updates + deletes) {
      const order = this.#orders[Math.floor(this.#random() * this.#orders.length)];
      const removes = kind >= duplicates + updates;
      if (order !== undefined) return this.#remember(removes ? this.#delete(order, nowMs) : this.#update(order, nowMs));
    }
    const event = this.#create(nowMs);
    if (kind >= 1 - poison) return { key: event.symbol, value: JSON.stringify(event).slice(0, 40) };
    this.#orders.push(event);
    if (this.#orders.length > REMEMBERED) this.#orders.shift();
    return this.#remember(event);
  }

  #create(nowMs: number): OrderEvent {
    const n = ++this.#count;
    const index = this.#symbol();
    const orderId = `${this.session}-${n}`;
    const base = 1_000_000 + ((index * 7919) % 500) * 100_000; // in hundredths
    // Two per cent around the base: any two prices lie within 5 % of each other, unless one is a spike.
    const around = 0.98 + 0.04 * this.#random() + (this.#random() < this.options.spikes ? 0.1 : 0);
    const cents = Math.round(base * around);
    const large = this.#random() < this.options.large;
    const eventMs = nowMs - this.#delayMs();
    return {
      event_id: eventId(`${orderId}:1`),
      order_id: orderId,
      symbol: `G${String(index).padStart(3, '0')}`,
      side: this.#random() < 0.5 ? 'BUY' : 'SELL',
      quantity: large ? 501 + Math.floor(this.#random() * 4_500) : 1 + Math.floor(this.#random() * 200),
      price: `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`,
      status: 'PENDING',
      op: 'c',
      event_time: new Date(eventMs).toISOString(),
      produce_time: new Date(nowMs).toISOString(),
      version: 1,
    };
  }

  #symbol(): number {
    const picked = this.#pick(this.#random());
    if (this.#burst.left > 0) {
      this.#burst.left--;
      return this.#burst.symbol;
    }
    if (this.#random() < this.options.bursts) this.#burst = { symbol: picked, left: this.options.burstSize - 1 };
    return picked;
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

  /** The next version; sometimes the one after it comes first. */
  #update(order: OrderEvent, nowMs: number): OrderEvent {
    const updated = changed(order, nowMs);
    if (this.#random() >= this.options.overtaken) return this.#replace(order, updated);
    this.#held.push({ event: updated, passes: OVERTAKEN_BY });
    return this.#replace(order, changed(updated, nowMs));
  }

  #delete(order: OrderEvent, nowMs: number): OrderEvent {
    this.#orders.splice(this.#orders.indexOf(order), 1);
    return { ...changed(order, nowMs), op: 'd', status: 'CANCELLED' };
  }

  #replace(order: OrderEvent, by: OrderEvent): OrderEvent {
    this.#orders[this.#orders.indexOf(order)] = by;
    return by;
  }

  #remember(event: OrderEvent): SourceMessage {
    const message = { key: event.symbol, value: JSON.stringify(event) };
    this.#recent.push(message);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    return message;
  }
}

const STATUSES: readonly OrderStatus[] = ['FILLED', 'CANCELLED'];

function changed(order: OrderEvent, nowMs: number): OrderEvent {
  const version = order.version + 1;
  const time = new Date(nowMs).toISOString();
  return {
    ...order,
    op: 'u',
    status: STATUSES[version % 2] ?? 'FILLED',
    version,
    event_id: eventId(`${order.order_id}:${version}`),
    event_time: time,
    produce_time: time,
  };
}

/** `count` records spread evenly over [fromMs, toMs): the past, in the order in which it would have come. */
export function* backfill(stream: EventStream, count: number, fromMs: number, toMs: number): Generator<SourceMessage> {
  for (let i = 0; i < count; i++) yield stream.next(fromMs + Math.floor(((toMs - fromMs) * i) / count));
}

/** How many records are due by now at a steady rate. */
export function due(ratePerSecond: number, startedMs: number, nowMs: number): number {
  return Math.floor(((nowMs - startedMs) * ratePerSecond) / 1000);
}
