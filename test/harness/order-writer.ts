/** Orders whose versions the test numbers itself: what an answer must show is known without asking the server. */
import { randomUUID } from 'node:crypto';
import type { Producer } from 'kafkajs';
import { transactionalProducer } from './kafka.js';

export interface WrittenOrder {
  readonly orderId: string;
  /** Of the order, from 1; its `quantity` is the same number. */
  readonly version: number;
  readonly eventId: string;
}

export class OrderWriter {
  /** The newest version that was begun to be written, per order. */
  readonly begun = new Map<string, number>();
  /** The newest version that somebody was told is accepted, per order. */
  private readonly acknowledged = new Map<string, number>();

  private constructor(private readonly producer: Producer) {}

  static async connect(brokers: string): Promise<OrderWriter> {
    return new OrderWriter(await transactionalProducer(brokers, null));
  }

  async write(orderId: string): Promise<WrittenOrder> {
    const version = (this.begun.get(orderId) ?? 0) + 1;
    this.begun.set(orderId, version);
    const time = new Date().toISOString();
    const eventId = randomUUID();
    const symbol = symbolOf(orderId);
    const event = {
      event_id: eventId,
      order_id: orderId,
      symbol,
      side: 'BUY',
      quantity: version,
      price: '100',
      status: 'PENDING',
      op: version === 1 ? 'c' : 'u',
      event_time: time,
      produce_time: time,
      version,
    };
    await this.producer.send({ topic: 'orders.events', messages: [{ key: symbol, value: JSON.stringify(event) }] });
    return { orderId, version, eventId };
  }

  accepted({ orderId, version }: WrittenOrder): void {
    this.acknowledged.set(orderId, Math.max(version, this.due(orderId)));
  }

  /** What whoever asks from now on, and is told that it is current, must be shown at least. */
  due(orderId: string): number {
    return this.acknowledged.get(orderId) ?? 0;
  }

  close(): Promise<void> {
    return this.producer.disconnect();
  }
}

/** `S1-7`: an order of S1. */
export const symbolOf = (orderId: string): string => orderId.split('-')[0] ?? orderId;

export interface OrderAnswer {
  readonly quantity: {
    readonly value: number | null;
    readonly provenAt: string | null;
    readonly reasons: readonly Code[];
  };
}
interface Code {
  readonly code: string;
}

/** What is wrong with an answer: it says that it is current, and shows less than was due when it was asked; or it shows more than anybody had written. null: nothing. */
export function untrue(
  { begun }: Pick<OrderWriter, 'begun'>,
  orderId: string,
  due: number,
  { quantity }: OrderAnswer,
): string | null {
  const { value, provenAt, reasons } = quantity;
  const shown = value ?? 0;
  if (shown > (begun.get(orderId) ?? 0)) return `${orderId}: ${shown} is shown, which nobody wrote`;
  const current = provenAt !== null && !reasons.some(({ code }) => BEHIND.has(code));
  return current && shown < due ? `${orderId}: ${shown} is called current at ${provenAt}, ${due} was accepted` : null;
}

const BEHIND = new Set(['STORE_BEHIND', 'POSITION_UNKNOWN', 'PROOF_UNAVAILABLE']);
