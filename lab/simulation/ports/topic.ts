/** One partition of a Kafka topic: offsets, transactions with their markers, what read_committed may see. */
import type { LogExtent, LogRecord } from '../../../src/log/port.js';

/** A producer's transaction. Its records are not seen before it has ended, and never if it was aborted. */
export interface Transaction {
  state: 'open' | 'committed' | 'aborted';
  readonly first: bigint;
}

interface Entry {
  readonly record: LogRecord;
  readonly transaction: Transaction | null;
  /** A marker: it uses up an offset and is no record. */
  readonly control: boolean;
}

export interface Fetched {
  readonly records: readonly LogRecord[];
  /** Everything below was looked at. */
  readonly next: bigint;
  readonly transactional: boolean;
}

export class Topic {
  readonly entries: Entry[] = [];
  private readonly open = new Set<Transaction>();
  private readonly waiting = new Set<() => void>();
  private low = 0n;

  constructor(
    readonly name: string,
    private readonly nowMs: () => number,
  ) {}

  get high(): bigint {
    return BigInt(this.entries.length);
  }

  /** Where the first open transaction begins: nobody who reads committed records goes beyond. */
  get lastStable(): bigint {
    return [...this.open].reduce((low, { first }) => (first < low ? first : low), this.high);
  }

  extent(): LogExtent {
    return { low: this.low, high: this.lastStable };
  }

  append(key: string | null, value: Buffer | null, transaction: Transaction | null = null): bigint {
    const offset = this.high;
    const record = { offset, key, value, timestampMs: Math.floor(this.nowMs()) };
    this.entries.push({ record, transaction, control: false });
    this.wake();
    return offset;
  }

  begin(): Transaction {
    const transaction: Transaction = { state: 'open', first: this.high };
    this.open.add(transaction);
    return transaction;
  }

  end(transaction: Transaction, state: 'committed' | 'aborted'): void {
    if (!this.open.delete(transaction)) return;
    transaction.state = state;
    const record = { offset: this.high, key: null, value: null, timestampMs: Math.floor(this.nowMs()) };
    this.entries.push({ record, transaction, control: true });
    this.wake();
  }

  /** Retention: records below are gone. */
  prune(below: bigint): void {
    if (below > this.low) this.low = below;
  }

  /** Was the record written for good? */
  isCommitted(offset: bigint): boolean {
    const entry = this.entries[Number(offset)];
    return entry !== undefined && !entry.control && (entry.transaction?.state ?? 'committed') === 'committed';
  }

  /** The committed records from `from` on, at most `most`; of one transaction, or of none. Null: they are gone. */
  fetch(from: bigint, most: number): Fetched | null {
    if (from < this.low) return null;
    const records: LogRecord[] = [];
    let next = from;
    let transactional = false;
    for (const { record, transaction, control } of this.entries.slice(Number(next), Number(this.lastStable))) {
      const wanted = this.wanted(transaction, control);
      if (wanted && records.length > 0 && (records.length >= most || transactional !== (transaction !== null))) break;
      next = record.offset + 1n;
      if (!wanted) continue;
      transactional = transaction !== null;
      records.push(record);
    }
    return { records, next, transactional };
  }

  /** Called once, when there may be more. @returns takes it back */
  onMore(fn: () => void): () => void {
    this.waiting.add(fn);
    return () => this.waiting.delete(fn);
  }

  protected wanted(transaction: Transaction | null, control: boolean): boolean {
    return !control && transaction?.state !== 'aborted';
  }

  private wake(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const fn of waiting) fn();
  }
}
