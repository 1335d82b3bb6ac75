import { Engine, envelope, iso, type Read } from './engine.js';
import { EPOCH_MS } from './source.js';

/**
 * No transactions: its sums are in memory only, its source offsets committed now and then; what it sends may come twice.
 * After a crash it counts anew from the committed offset, and says so (`_assignment`).
 */
export class KafkaOnlyEngine extends Engine {
  private committed: Read = [0, 0];
  private starts = 0;

  crash(): void {
    this.up = false;
    this.sim.after(this.sim.random.between(50, 600), 'kafka-only starts again', () => this.start());
  }

  protected start(): void {
    this.starts += 1;
    this.run = `k-${this.starts}`;
    this.seq = 0;
    this.state = new Map();
    this.read = [...this.committed];
    this.up = true;
    for (const [p, start] of this.read.entries()) {
      const before = this.source.partitions[p]?.slice(0, start).map(({ eventMs }) => eventMs) ?? [];
      this.emit('_assignment', `orders.events/${p}`, {
        source_topic: 'orders.events',
        source_partition: p,
        start_offset: start,
        log_start_offset: 0,
        max_event_time_before: before.length === 0 ? null : iso(Math.max(...before)),
      });
    }
  }

  protected worked(): void {
    if (this.sim.random.chance(0.3)) this.committed = [...this.read];
  }

  protected drops(): boolean {
    return false;
  }

  protected message(kind: string, key: string, value: object, more: object): object {
    return {
      ...envelope(kind, key, value),
      processing_engine: 'KAFKA_ONLY',
      pipeline: 'orders-kafka-only',
      delivery: 'AT_LEAST_ONCE',
      checkpoint_interval_ms: null,
      run: { id: this.run, subtask: 0, lineage: [] },
      epoch: null,
      completed_checkpoint: null,
      emitted_at: iso(EPOCH_MS + this.sim.now),
      ...more,
    };
  }

  protected send(key: string, value: Buffer): void {
    this.topic.append(key, value);
    // Acknowledged too late: sent again.
    if (this.sim.random.chance(0.05)) this.topic.append(key, value);
  }
}
