/** Two workloads of which something is true by itself (lab/checkers/workloads.ts), and who writes them. */
import { randomUUID } from 'node:crypto';
import kafkajs, { type Producer } from 'kafkajs';
import type { OrderEvent } from '../../wire/event.js';
import { TOPIC_ORDERS } from '../../wire/topics.js';
import { chance, now, pause } from '../history/now.js';

/** The next events, of which either all are written or none. */
export type Next = (nowMs: number) => readonly OrderEvent[];

const ACCOUNTS = 8;
const ORDERS = 6;

const event = (nowMs: number, rest: Omit<OrderEvent, 'event_id' | 'event_time' | 'produce_time'>): OrderEvent => {
  const time = new Date(nowMs).toISOString();
  return { event_id: randomUUID(), event_time: time, produce_time: time, ...rest };
};

/** Takes from one account and gives to another: a SELL of the one, a BUY of the other. */
export function transfers(seed: number, name: string): Next {
  const random = chance(seed);
  let count = 0;
  return (nowMs) => {
    const from = Math.floor(random() * ACCOUNTS);
    const to = (from + 1 + Math.floor(random() * (ACCOUNTS - 1))) % ACCOUNTS;
    const half = {
      quantity: 1 + Math.floor(random() * 9),
      price: '1',
      status: 'PENDING',
      op: 'c',
      version: 1,
    } as const;
    count += 1;
    return [
      event(nowMs, { ...half, order_id: `${name}-${count}-out`, symbol: `ACC${from}`, side: 'SELL' }),
      event(nowMs, { ...half, order_id: `${name}-${count}-in`, symbol: `ACC${to}`, side: 'BUY' }),
    ];
  };
}

/** Orders whose versions are counted up, one at a time. */
export function sequences(seed: number, name: string): Next {
  const random = chance(seed);
  const versions = new Map<number, number>();
  return (nowMs) => {
    const which = Math.floor(random() * ORDERS);
    const version = (versions.get(which) ?? 0) + 1;
    versions.set(which, version);
    const op = version === 1 ? 'c' : 'u';
    const status = version === 1 ? 'PENDING' : 'FILLED';
    const order = { order_id: `SEQ-${name}-${which}`, symbol: `SEQ${which}`, side: 'BUY', price: '10' } as const;
    return [event(nowMs, { ...order, quantity: version, status, op, version })];
  };
}

const LAST_MS = 60_000;

export class Writer {
  private readonly producer: Producer;
  private running: Promise<void> | null = null;
  private ending = false;

  constructor(
    brokers: string,
    private readonly next: Next,
    private readonly everyMs: number,
  ) {
    const kafka = new kafkajs.Kafka({
      clientId: 'tidemark-lab-workload',
      brokers: brokers.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
    });
    // To send an event twice is allowed: it has an id.
    this.producer = kafka.producer({ maxInFlightRequests: 1, retry: { retries: 2 } });
  }

  async start(): Promise<void> {
    await this.producer.connect();
    this.running = this.loop();
  }

  /** Ends with the last events that were begun, all of them. @throws Error when Kafka does not take them */
  async stop(): Promise<void> {
    this.ending = true;
    try {
      await this.running;
    } finally {
      await this.producer.disconnect();
    }
  }

  private async loop(): Promise<void> {
    while (!this.ending) {
      const began = now().mono;
      await this.write(this.next(now().wall));
      await pause(this.everyMs - (now().mono - began));
    }
  }

  /** Again and again: what was begun is written, or half of it could be missing. */
  private async write(events: readonly OrderEvent[]): Promise<void> {
    const messages = events.map((each) => ({ key: each.symbol, value: JSON.stringify(each) }));
    let endBy: number | null = null;
    for (;;) {
      try {
        await this.producer.send({ topic: TOPIC_ORDERS, acks: -1, messages });
        return;
      } catch (error) {
        if (this.ending) endBy ??= now().mono + LAST_MS;
        if (endBy !== null && now().mono > endBy) throw error;
        await pause(250);
      }
    }
  }
}
