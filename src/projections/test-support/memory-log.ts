/**
 * A fake: one partition of a Kafka topic in memory, and consumers of it with the promises of the log port: `start` is
 * asked before anything is delivered and again after every failure; an AppError that is not retryable blocks.
 */
import { AppError, asError } from '../../errors.js';
import type { LogConsumer, LogExtent, LogHandler, LogRecord } from '../../log/port.js';

const TOPIC = 'cdc.public.commit_log';

export class MemoryLog {
  private readonly records: LogRecord[] = [];
  private low = 0n;
  private high = 0n;
  private wake: () => void = () => undefined;

  append(...values: readonly (Buffer | null)[]): void {
    for (const value of values) {
      this.records.push({ offset: this.high, key: null, value, timestampMs: 0 });
      this.high += 1n;
    }
    this.wake();
  }

  /** Retention: records below `offset` are gone. */
  prune(offset: bigint): void {
    this.low = offset;
  }

  extent(): LogExtent {
    return { low: this.low, high: this.high };
  }

  from(offset: bigint, most: number): LogRecord[] {
    return this.records.filter((record) => record.offset >= offset && record.offset >= this.low).slice(0, most);
  }

  /** Resolves at the next append, or at `interrupt`. */
  appended(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  interrupt(): void {
    this.wake();
  }
}

/** A group member that owns the partition from `run` to `stop`. Delivers at most `batch` records at a time. */
export class MemoryConsumer implements LogConsumer {
  /** Offsets that `start` has answered. */
  readonly started: bigint[] = [];
  readonly failures: Error[] = [];
  blocked: Error | null = null;
  private stopping = false;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: MemoryLog,
    private readonly batch = 10,
  ) {}

  async run(handler: LogHandler): Promise<void> {
    this.running = this.loop(handler);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.log.interrupt();
    await this.running;
  }

  private async loop(handler: LogHandler): Promise<void> {
    let expected: bigint | null = null;
    while (!this.stopping && this.blocked === null) {
      try {
        if (expected === null) {
          expected = await handler.start(TOPIC, 0, this.log.extent());
          this.started.push(expected);
        }
        const records = this.log.from(expected, this.batch);
        const last = records.at(-1);
        if (last === undefined) await this.log.appended();
        else {
          await handler.handle({ topic: TOPIC, partition: 0, records, transactional: false });
          expected = last.offset + 1n;
        }
      } catch (error) {
        expected = null;
        this.failed(asError(error), handler);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  private failed(error: Error, handler: LogHandler): void {
    this.failures.push(error);
    if (!(error instanceof AppError) || error.retryable) return;
    this.blocked = error;
    handler.onBlocked?.(TOPIC, 0, error);
  }
}
