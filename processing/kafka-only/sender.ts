import type { Producer } from 'kafkajs';
import type { Outbox, Outgoing } from './outbox.js';

const MAX_RECORDS = 500;
const MAX_CHARS = 400_000; // below the broker's 1 MB per batch even if every character took two bytes

/** Sends an outbox strictly in order: one request at a time. An error it cannot recover from ends the process. */
export class Sender {
  #outbox: Outbox | null = null;
  #sending = false;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly producer: Producer,
    private readonly topic: string,
    private readonly onFatal: (error: unknown) => void,
  ) {}

  /** From now on this outbox is sent; what the former one still held is forgotten with its run. */
  attach(outbox: Outbox | null): void {
    this.#outbox = outbox;
    this.kick();
    this.#wake();
  }

  kick(): void {
    if (!this.#sending) void this.#loop();
  }

  /** Resolves once the outbox has seen `count` confirmations; false if another run has taken over. */
  async confirmed(outbox: Outbox, count: number): Promise<boolean> {
    this.kick();
    while (outbox.acked < count) {
      if (this.#outbox !== outbox) return false;
      await this.progress();
    }
    return true;
  }

  /** Resolves at the next confirmation or change of outbox. */
  progress(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #loop(): Promise<void> {
    this.#sending = true;
    try {
      for (let outbox = this.#outbox; outbox !== null && outbox.size > 0; outbox = this.#outbox) {
        const records = bounded(outbox.peek(MAX_RECORDS));
        const messages = records.map((r) => ({ key: r.key, value: r.value, partition: r.resultPartition }));
        await this.producer.send({ topic: this.topic, acks: -1, messages });
        outbox.ack(records.length);
        this.#wake();
      }
      this.#sending = false;
    } catch (error) {
      // #sending stays true: after a failed send nothing may follow, the order in the partition would be a lie.
      this.onFatal(error);
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function bounded(records: readonly Outgoing[]): readonly Outgoing[] {
  let chars = 0;
  const end = records.findIndex((r, i) => (chars += r.value.length) > MAX_CHARS && i > 0);
  return end < 0 ? records : records.slice(0, end);
}
