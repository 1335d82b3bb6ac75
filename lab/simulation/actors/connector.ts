/** Debezium and Connect: the commit log, in commit order, at least once, into the one partition of the CDC topic. */
import type { LogRow } from '../ports/postgres.js';
import type { Topic } from '../ports/topic.js';
import type { Scheduler } from '../scheduler.js';

const message = (row: LogRow): Buffer =>
  Buffer.from(
    JSON.stringify({
      before: null,
      after: {
        position: Number(row.position),
        part: row.part,
        parts: row.parts,
        nonce: row.nonce,
        predecessor: row.predecessor,
        incarnation: row.incarnation,
        committed_at_us: row.committedAt,
        keys: row.keys,
        documents: row.documents,
        document_count: row.documentCount,
      },
      source: { connector: 'postgresql', table: 'commit_log' },
      op: 'c',
      ts_ms: 0,
    }),
  );

export class Connector {
  /** The write-ahead log that the slot keeps: pruning the table does not touch it. */
  private readonly wal: LogRow[] = [];
  private sent = 0;
  private acknowledged = 0;
  private working = false;
  private paused = false;

  constructor(
    private readonly sim: Scheduler,
    private readonly topic: Topic,
    private readonly typicalMs: number,
  ) {}

  commit(rows: readonly LogRow[]): void {
    this.wal.push(...rows);
    this.work();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.work();
  }

  /** What was sent and not noted is sent again, from wherever that was, also from within a transaction. */
  crash(): void {
    this.sent = this.acknowledged;
    this.work();
  }

  get idle(): boolean {
    return this.sent === this.wal.length;
  }

  private work(): void {
    if (this.working || this.paused) return;
    this.working = true;
    this.sim.after(this.sim.random.latency(this.typicalMs), '', () => {
      this.working = false;
      const row = this.paused ? undefined : this.wal[this.sent];
      if (row === undefined) return;
      this.sent += 1;
      this.topic.append(null, message(row));
      if (this.sim.random.chance(0.2)) this.acknowledged = this.sent;
      this.work();
    });
  }
}
