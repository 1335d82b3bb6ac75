/** A client that writes: it knows what it wrote, and where it stands in the log. */
import { randomUUID } from 'node:crypto';
import kafkajs, { type Producer } from 'kafkajs';
import type { OrderEvent } from '../../wire/event.js';
import { windowKey } from '../../wire/order-window.js';
import { partitionOf } from '../../wire/partition.js';
import { TOPIC_ORDERS } from '../../wire/topics.js';
import type { HistoryFile } from './file.js';
import { now } from './now.js';
import type { Key } from './types.js';

const WINDOW_MS = 300_000;

export class OwnWriter {
  readonly session = 'writer';
  private readonly producer: Producer;
  private readonly kafka: kafkajs.Kafka;
  private readonly symbol = `LAB${randomUUID().slice(0, 6).toUpperCase()}`;
  private written = 0;
  private connected = false;
  private partition = 0;

  constructor(
    brokers: string,
    private readonly file: Pick<HistoryFile, 'write'>,
  ) {
    this.kafka = new kafkajs.Kafka({
      clientId: 'tidemark-lab-writer',
      brokers: brokers.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
    });
    // Not idempotent: such a producer does not get over every restart of the broker, and to send an order twice is allowed.
    this.producer = this.kafka.producer({ maxInFlightRequests: 1, retry: { retries: 2 } });
  }

  async start(): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(TOPIC_ORDERS);
    await admin.disconnect();
    this.partition = partitionOf(this.symbol, offsets.length);
    await this.producer.connect();
    this.connected = true;
  }

  /** One order of now; the window that it belongs to, in whatever engine. */
  async write(): Promise<Pick<Key, 'kind' | 'businessKey'>> {
    const at = Date.now();
    const time = new Date(at).toISOString();
    const event: OrderEvent = {
      event_id: randomUUID(),
      order_id: `${this.symbol}-${(this.written += 1)}`,
      symbol: this.symbol,
      side: this.written % 2 === 0 ? 'SELL' : 'BUY',
      quantity: 1 + (this.written % 7),
      price: `${100 + this.written}.25`,
      status: 'PENDING',
      op: 'c',
      event_time: time,
      produce_time: time,
      version: 1,
    };
    const [acknowledged] = await this.producer.send({
      topic: TOPIC_ORDERS,
      acks: -1,
      messages: [{ key: this.symbol, value: JSON.stringify(event), partition: this.partition }],
    });
    const offset = Number(acknowledged?.baseOffset);
    if (Number.isInteger(offset)) {
      this.file.write({ type: 'write', session: this.session, partition: this.partition, offset, at: now().mono });
    }
    const businessKey = windowKey(this.symbol, Math.floor(at / WINDOW_MS) * WINDOW_MS);
    return { kind: 'order_window', businessKey };
  }

  async stop(): Promise<void> {
    if (this.connected) await this.producer.disconnect();
    this.connected = false;
  }
}
