import type { Transaction } from '../ports/topic.js';
import { Engine, envelope, iso, type Read, type State } from './engine.js';
import { EPOCH_MS } from './source.js';

interface Checkpoint {
  readonly id: number;
  readonly atMs: number;
  readonly state: State;
  readonly read: Read;
  readonly seq: number;
}

const CHECKPOINT_MS = 250;

/**
 * Everything within transactions that end with a checkpoint; after a crash the open one is aborted and the state is the
 * checkpoint's. What an attempt drops as late is not the same in every attempt: one that will be aborted may have written
 * values that nobody would ever write again.
 */
export class FlinkEngine extends Engine {
  private checkpoint: Checkpoint = { id: 0, atMs: EPOCH_MS, state: new Map(), read: [0, 0], seq: 0 };
  private attempts = 0;
  private parent: string | null = null;
  private open: Transaction | null = null;
  private dueAt = 0;
  private doomed = false;

  override get idle(): boolean {
    return super.idle && !this.doomed && this.checkpoint.read.join() === this.read.join();
  }

  /** It is gone at the end of this epoch, and what it writes in it will be aborted. */
  crash(): void {
    if (this.up) this.doomed = true;
  }

  protected drops(): boolean {
    return this.doomed && this.sim.random.chance(0.5);
  }

  protected start(): void {
    const { id, state, read, seq } = this.checkpoint;
    this.parent = this.attempts === 0 ? null : this.run;
    this.attempts += 1;
    this.run = `job/${this.attempts}`;
    this.state = new Map(state);
    this.read = [...read];
    this.seq = 0;
    this.up = true;
    this.doomed = false;
    this.open = null;
    this.dueAt = this.sim.now + CHECKPOINT_MS;
    const restored = this.parent === null ? null : id;
    const counters = this.parent === null ? [] : [{ subtask: 0, seq }];
    this.emit('_run', this.run, { parent: this.parent, restored_checkpoint: restored, counters });
  }

  protected worked(): void {
    if (this.sim.now < this.dueAt) return;
    this.dueAt = this.sim.now + CHECKPOINT_MS;
    if (this.doomed) return this.fail();
    const { state, read, seq } = this;
    const id = this.checkpoint.id + 1;
    this.checkpoint = { id, atMs: EPOCH_MS + this.sim.now, state: new Map(state), read: [...read], seq };
    if (this.open !== null) this.topic.end(this.open, 'committed');
    this.open = null;
  }

  private fail(): void {
    this.up = false;
    this.sim.note(`flink ${this.run} fails before its checkpoint`);
    const { open } = this;
    this.sim.after(this.sim.random.between(50, 500), 'flink starts again', () => {
      if (open !== null) this.topic.end(open, 'aborted');
      this.start();
    });
  }

  protected message(kind: string, key: string, value: object, more: object): object {
    const { id, atMs } = this.checkpoint;
    return {
      ...envelope(kind, key, value),
      processing_engine: 'FLINK',
      pipeline: 'orders-flink',
      delivery: 'EXACTLY_ONCE',
      checkpoint_interval_ms: CHECKPOINT_MS,
      run: { id: this.run, subtask: 0, lineage: this.parent === null ? [] : [[this.parent, id]] },
      epoch: id + 1,
      completed_checkpoint: id === 0 ? null : { id, time: iso(atMs) },
      emitted_at: iso(EPOCH_MS + this.sim.now),
      ...more,
    };
  }

  protected send(key: string, value: Buffer): void {
    this.open ??= this.topic.begin();
    this.topic.append(key, value, this.open);
  }
}
