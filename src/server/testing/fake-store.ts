/** A fake of a store, for the tests of the server: holds rows in memory, fails or waits when told. */
import { keyOf, type ResultKey } from '../../position/commit-log.js';
import { micros, position } from '../../position/position.js';
import type { Answer, Applied, ListQuery, ResultReader, StoredResult } from '../../stores/port.js';
import type { Store } from '../../words.js';

export class FakeStore implements ResultReader {
  readonly store: Store;
  rows = new Map<string, StoredResult>();
  applied: Applied | null;
  /** Set: every read fails with it. */
  failure: Error | null = null;
  /** Awaited before every answer. */
  gate: Promise<void> = Promise.resolve();
  /** The number of keys of each readMany, and 'list': what was asked. */
  readonly asked: (number | 'list')[] = [];

  constructor(store: Store) {
    this.store = store;
    this.applied = store === 'POSTGRES' ? null : appliedAt(100);
  }

  hold(...rows: readonly StoredResult[]): void {
    for (const row of rows) this.rows.set(keyOf(row), row);
  }

  async readMany(keys: readonly ResultKey[]): Promise<Answer<readonly (StoredResult | null)[]>> {
    this.asked.push(keys.length);
    await this.answering();
    return { applied: this.applied, data: keys.map((key) => this.rows.get(keyOf(key)) ?? null) };
  }

  async list(query: ListQuery): Promise<Answer<readonly StoredResult[]>> {
    this.asked.push('list');
    await this.answering();
    const order = (row: StoredResult): string =>
      `${String(row.calculatedValue[query.orderBy])}\u0000${row.businessKey}`;
    const bound = query.after === undefined ? null : `${query.after.order}\u0000${query.after.businessKey}`;
    const sorted = [...this.rows.values()]
      .filter((row) => matches(query, row))
      .sort((a, b) => (order(a) < order(b) ? -1 : 1));
    const turned = query.descending ? sorted.reverse() : sorted;
    const rest = turned.filter((row) => bound === null || (query.descending ? order(row) < bound : order(row) > bound));
    return { applied: this.applied, data: rest.slice(0, query.limit) };
  }

  private async answering(): Promise<void> {
    await this.gate;
    if (this.failure !== null) throw this.failure;
  }
}

function matches(query: ListQuery, row: StoredResult): boolean {
  const order = String(row.calculatedValue[query.orderBy]);
  return (
    !row.deleted &&
    row.kind === query.kind &&
    row.engine === query.engine &&
    (query.from === undefined || order >= query.from) &&
    (query.to === undefined || order < query.to) &&
    Object.entries(query.equals).every(([column, value]) => row.calculatedValue[column] === value)
  );
}

/** Position p was committed p seconds after the start of 2026. */
export const START_US = Date.parse('2026-01-01T00:00:00.000Z') * 1000;
export const committedAt = (p: number) => micros(START_US + p * 1_000_000);

export const appliedAt = (p: number, incarnation = 'inc-1'): Applied => ({
  position: position(p),
  nonce: `n${p}`,
  incarnation,
  committedAt: committedAt(p),
  resumeOffset: BigInt(p),
});

/** A window of the worked example (contract.md §4); `over` changes the row, `value` its calculated value. */
export function windowRow(over: Partial<StoredResult> = {}, value: Record<string, unknown> = {}): StoredResult {
  const symbol = typeof value['symbol'] === 'string' ? value['symbol'] : '005930';
  const start = typeof value['window_start'] === 'string' ? value['window_start'] : '2026-01-05T09:00:00.000Z';
  return {
    kind: 'order_window',
    businessKey: `${symbol}@${start}`,
    engine: 'KAFKA_ONLY',
    calculatedValue: {
      symbol,
      window_start: start,
      window_end: new Date(Date.parse(start) + 300_000).toISOString(),
      orders_total: 3,
      orders_buy: 2,
      orders_sell: 1,
      total_amount: '84850000',
      average_price: '73000',
      min_price: '72000',
      max_price: '74000',
      ...value,
    },
    deleted: false,
    final: true,
    stale: false,
    cap: 'EVENTUALLY_CONSISTENT',
    reasons: ['NO_CHECKPOINT'],
    pipeline: 'orders-kafka-only',
    resultPartition: 0,
    run: 'run-1',
    revision: 3,
    coverage: { '0': [0, 2] },
    lastCheckpointTime: null,
    position: position(90),
    committedAt: committedAt(90),
    ...over,
  };
}
