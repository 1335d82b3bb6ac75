/** A fake of a store, for the tests of the server: holds rows in memory, fails or waits when told. */
import { AppError } from '../../errors.js';
import { keyOf, type ResultKey } from '../../position/commit-log.js';
import { isExpired } from '../../position/expiry.js';
import { micros, position } from '../../position/position.js';
import { compareText, listResults } from '../../stores/listing.js';
import type {
  Answer,
  Applied,
  ListQuery,
  ResultReader,
  SearchCursor,
  SearchHit,
  SearchQuery,
  SearchReader,
  StatsQuery,
  StatsReader,
  StoredResult,
  SymbolStats,
} from '../../stores/port.js';
import type { Store } from '../../words.js';

export class FakeStore implements ResultReader, SearchReader, StatsReader {
  readonly store: Store;
  rows = new Map<string, StoredResult>();
  applied: Applied | null;
  /** Set: every read fails with it. */
  failure: Error | null = null;
  /** Awaited before every answer. */
  gate: Promise<void> = Promise.resolve();
  /** The number of keys of each readMany, and what else was asked. */
  readonly asked: (number | 'list' | 'search' | 'stats')[] = [];

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
    return { applied: this.applied, data: listResults(this.rows.values(), query) };
  }

  /** As Elasticsearch does: every word, the last one as a beginning; newest change first. */
  async search(query: SearchQuery): Promise<Answer<readonly SearchHit[]>> {
    this.asked.push('search');
    await this.answering();
    if (query.text.trim() === '') throw invalidSearch();
    const words = query.text.toLowerCase().split(/\s+/);
    const hits = [...this.rows.values()]
      .filter((row) => !row.deleted && row.engine === query.engine && query.kinds.includes(row.kind))
      .filter((row) => !isExpired(row.position, { to: query.expiredTo ?? null }))
      .filter((row) => words.every((word) => JSON.stringify(row.calculatedValue).toLowerCase().includes(word)))
      .map((row) => ({ result: row, highlights: [`<em>${query.text}</em>`], cursor: cursorOf(row) }))
      .sort((a, b) => compareHits(a.cursor, b.cursor))
      .filter(({ cursor }) => query.after === undefined || compareHits(query.after, cursor) < 0);
    return { applied: this.applied, data: hits.slice(0, query.limit) };
  }

  async symbolStats(query: StatsQuery): Promise<Answer<SymbolStats>> {
    const { applied, data } = await this.history({ ...query, limit: 501 });
    const sum = (name: string): number => data.reduce((total, row) => total + Number(row.calculatedValue[name]), 0);
    const members = data.map((row) => ({
      ...row,
      windows: 1,
      newestEpoch: row.epoch,
      oldestOffset: row.resultOffset,
      newestPosition: row.position,
      newestCommittedAt: row.committedAt,
    }));
    return {
      applied,
      data: {
        windows: data.length,
        ordersTotal: sum('orders_total'),
        ordersBuy: sum('orders_buy'),
        ordersSell: sum('orders_sell'),
        totalAmount: data.length === 0 ? null : String(sum('total_amount')),
        minPrice: data.length === 0 ? null : '72000',
        maxPrice: data.length === 0 ? null : '74000',
        cap: data[0]?.cap ?? null,
        reasons: [...new Set(data.flatMap((row) => row.reasons))],
        position:
          data
            .map((row) => row.position)
            .sort()
            .at(-1) ?? null,
        members,
      },
    };
  }

  async history(query: StatsQuery & { readonly limit: number }): Promise<Answer<readonly StoredResult[]>> {
    this.asked.push('stats');
    await this.answering();
    const { symbol, ...rest } = query;
    const asked = { ...rest, kind: 'order_window', equals: { symbol }, orderBy: 'window_start', descending: false };
    return { applied: this.applied, data: listResults(this.rows.values(), asked) };
  }

  private async answering(): Promise<void> {
    await this.gate;
    if (this.failure !== null) throw this.failure;
  }
}

const cursorOf = ({ position, kind, businessKey }: StoredResult): SearchCursor => ({ position, kind, businessKey });

const compareHits = (a: SearchCursor, b: SearchCursor): number =>
  a.position === b.position
    ? compareText(a.kind, b.kind) || compareText(a.businessKey, b.businessKey)
    : a.position > b.position
      ? -1
      : 1;

const invalidSearch = (): AppError =>
  new AppError('SEARCH_QUERY_INVALID', 'it has no words', { retryable: false, outcome: 'none' });

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
    epoch: null,
    resultOffset: 0,
    verified: false,
    position: position(90),
    committedAt: committedAt(90),
    ...over,
  };
}

/** An order; `over` changes the row, `value` its calculated value. */
export function orderRow(over: Partial<StoredResult> = {}, value: Record<string, unknown> = {}): StoredResult {
  const id = typeof value['order_id'] === 'string' ? value['order_id'] : 'order-1';
  return windowRow({
    kind: 'order',
    businessKey: id,
    final: false,
    calculatedValue: {
      order_id: id,
      symbol: '005930',
      side: 'BUY',
      quantity: 100,
      price: '72000',
      status: 'PENDING',
      event_time: '2026-01-05T09:00:00.000Z',
      version: 1,
      deleted_at: null,
      ...value,
    },
    ...over,
  });
}

/** An anomaly; `over` changes the row, `value` its calculated value. */
export function anomalyRow(over: Partial<StoredResult> = {}, value: Record<string, unknown> = {}): StoredResult {
  const id = typeof value['order_id'] === 'string' ? value['order_id'] : 'order-1';
  const rule = typeof value['rule'] === 'string' ? value['rule'] : 'LARGE_ORDER';
  return windowRow({
    kind: 'anomaly',
    businessKey: `${rule}:${id}`,
    calculatedValue: {
      rule,
      order_id: id,
      symbol: '005930',
      observed: '1000',
      threshold: '500',
      detected_at: '2026-01-05T09:00:00.002Z',
      ...value,
    },
    ...over,
  });
}
