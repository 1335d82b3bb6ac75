/**
 * What checkpoints of Flink cover: the offsets that its source's group commits when one has completed, looked at again and
 * again. A stack without Flink has no such group: then nothing is written down.
 */
import { performance } from 'node:perf_hooks';
import kafkajs, { type Admin } from 'kafkajs';
import { TOPIC_ORDERS } from '../../wire/topics.js';
import { pause } from './now.js';
import type { Line } from './types.js';

const EVERY_MS = 250;
/** The job's default (processing/flink). */
const GROUP = 'tidemark-flink';

export class CommittedTail {
  /** The newest look; source partition → next offset. */
  offsets: readonly number[] = [];
  private readonly kafka: kafkajs.Kafka;
  private running: Promise<void> | null = null;
  private ending = false;

  constructor(
    brokers: string,
    private readonly write: (line: Line) => void,
  ) {
    this.kafka = new kafkajs.Kafka({
      clientId: 'tidemark-lab-committed',
      brokers: brokers.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
      requestTimeout: 5_000,
      retry: { retries: 1 },
    });
  }

  start(): void {
    this.running ??= this.loop();
  }

  async stop(): Promise<void> {
    this.ending = true;
    await this.running;
  }

  private async loop(): Promise<void> {
    let admin: Admin | null = null;
    while (!this.ending) {
      // A broker that goes away is one of the faults: then nobody knows for a while.
      try {
        if (admin === null) {
          admin = this.kafka.admin();
          await admin.connect();
        }
        await this.look(admin);
      } catch {
        await admin?.disconnect().catch(() => undefined);
        admin = null;
      }
      await pause(EVERY_MS);
    }
    await admin?.disconnect().catch(() => undefined);
  }

  private async look(admin: Admin): Promise<void> {
    const sent = performance.now();
    const [topic] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC_ORDERS] });
    const received = performance.now();
    const partitions = [...(topic?.partitions ?? [])].sort((a, b) => a.partition - b.partition);
    this.offsets = partitions.map(({ offset }) => Number(offset));
    if (this.offsets.some((offset) => offset >= 0))
      this.write({ type: 'committed', sent, received, offsets: this.offsets });
  }
}
