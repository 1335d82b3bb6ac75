/** Lists and statistics of the source of truth. */
import { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/postgres.js';
import { listStatement } from './read.js';
import { createPostgresStats } from './stats.js';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const window = (minute: number, value: object, over: { cap?: string; reasons?: string[]; run?: string } = {}) =>
  pool.query(
    `insert into results (kind, business_key, engine, calculated_value, deleted, final, stale, cap, reasons, pipeline, result_topic,
       result_partition, result_offset, run, subtask, lineage, revision, cause, evidence, position, committed_at_us)
     values ('order_window', $1, 'KAFKA_ONLY', $2, false, true, false, $3, $4, 'p', 't', 0, 0, $5, 0, '[]', 1, 'IN_ORDER', '{}', $6, $6)`,
    [
      `A@${minute}`,
      JSON.stringify({
        symbol: 'A',
        window_start: `2026-01-05T09:${String(minute).padStart(2, '0')}:00.000Z`,
        orders_total: 3,
        orders_buy: 2,
        orders_sell: 1,
        total_amount: '0.1',
        min_price: '9',
        max_price: '10',
        ...value,
      }),
      over.cap ?? 'EVENTUALLY_CONSISTENT',
      over.reasons ?? ['NO_CHECKPOINT'],
      over.run ?? 'r1',
      100 + minute,
    ],
  );
const RANGE = {
  symbol: 'A',
  engine: 'KAFKA_ONLY' as const,
  from: '2026-01-05T09:00:00.000Z',
  to: '2026-01-05T09:30:00.000Z',
};

test('figures are exact, of the range, and carry what makes them judgeable', async () => {
  const stats = createPostgresStats(pool);
  expect((await stats.symbolStats(RANGE)).data).toMatchObject({
    windows: 0,
    totalAmount: null,
    cap: null,
    members: [],
  });
  await window(0, { total_amount: '0.1' });
  await window(5, { total_amount: '0.200000000000000001', min_price: '-2.5' });
  await window(
    10,
    { total_amount: '90071992547409930', max_price: '100' },
    { cap: 'LOW', reasons: ['X', 'NO_CHECKPOINT'], run: 'r2' },
  );
  await window(30, { total_amount: '7' });
  const { applied, data } = await stats.symbolStats(RANGE);
  expect(applied).toBeNull();
  expect(data).toMatchObject({
    windows: 3,
    ordersTotal: 9,
    ordersBuy: 6,
    ordersSell: 3,
    totalAmount: '90071992547409930.300000000000000001',
    minPrice: '-2.5',
    maxPrice: '100',
    cap: 'LOW',
    reasons: ['NO_CHECKPOINT', 'X'],
    position: 110n,
  });
  expect(data.members.map(({ run, windows, cap }) => [run, windows, cap]).sort()).toEqual([
    ['r1', 2, 'EVENTUALLY_CONSISTENT'],
    ['r2', 1, 'LOW'],
  ]);
  const { data: history } = await stats.history({ ...RANGE, limit: 2 });
  expect(history.map(({ businessKey }) => businessKey)).toEqual(['A@0', 'A@5']);
});

test('an amount that is no exact decimal makes no figure', async () => {
  await window(15, { total_amount: '1e3', min_price: 'none' });
  expect((await createPostgresStats(pool).symbolStats(RANGE)).data).toMatchObject({
    windows: 4,
    totalAmount: null,
    minPrice: null,
    maxPrice: '100',
  });
});

test('each order of a listing has an index, with and without a symbol', async () => {
  const client = await pool.connect();
  try {
    await client.query('set enable_seqscan = off');
    for (const [orderBy, name] of [
      ['window_start', 'window'],
      ['event_time', 'event_time'],
      ['detected_at', 'detected_at'],
    ] as const) {
      for (const equals of [{}, { symbol: 'A' }] as Record<string, string>[]) {
        const { text, values } = listStatement({
          kind: 'k',
          engine: 'KAFKA_ONLY',
          equals,
          orderBy,
          from: 'a',
          descending: true,
          limit: 10,
          after: { order: 'b', businessKey: 'c' },
        });
        const { rows } = await client.query<Record<string, string>>(`explain ${text}`, values);
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
        expect(plan).toContain(`results_by_${'symbol' in equals ? 'symbol_' : ''}${name}`);
        expect(plan).not.toMatch(/\bSort\b/);
      }
    }
  } finally {
    client.release();
  }
});
