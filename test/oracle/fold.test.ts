import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { SourcePartition, type Effect } from '../../processing/kafka-only/partition.js';
import { SETTINGS } from '../../fold/test-support/settings.js';
import { anomalyEvidenceOf, anomalyValueOf } from '../../fold/anomaly.js';
import { orderEvidenceOf, orderValueOf } from '../../fold/order.js';
import { evidenceOf, keyOf, valueOf } from '../../fold/window.js';
import { anomalyKey } from '../../wire/anomaly.js';
import type { Evidence } from '../../wire/result.js';
import { runFold } from '../harness/oracle.js';

const FRESH = {
  partition: 0,
  startOffset: 0,
  logStartOffset: 0,
  before: { complete: true, maxEventTimeMs: null, poisonUntilMs: null, poisonOffset: null },
};

interface Row {
  readonly case: number;
  readonly kind: string;
  readonly op: string;
  readonly business_key: string;
  readonly calculated_value: unknown;
  readonly evidence: unknown;
}

/** Folds values as the processor does; results by kind and key, as the oracle writes them. Nothing here may be dropped. */
function processorFold(values: readonly (string | null)[]): Map<string, unknown> {
  const partition = new SourcePartition(SETTINGS, FRESH, null);
  const closed: Effect[] = [];
  values.forEach((value, offset) => {
    const record = { offset, key: null, value: value === null ? null : Buffer.from(value), appendTimeMs: 0 };
    closed.push(...partition.apply(record));
  });
  expect(closed.filter((e) => e.kind === 'late_dropped')).toEqual([]);
  const windows = [...partition.windows.values(), ...closed.flatMap((e) => (e.kind === 'final' ? [e.window] : []))];
  const results = new Map<string, unknown>();
  const put = (id: string, op: string, calculated_value: object, said: Evidence): void => {
    const { duplicates_dropped: _d, lost: _l, begins: _b, ...evidence } = said;
    results.set(id, { op, calculated_value, evidence });
  };
  for (const w of windows) put(`order_window/${keyOf(w)}`, 'upsert', valueOf(w), evidenceOf(w, 0));
  for (const e of closed) {
    if (e.kind === 'order') {
      const { event } = e.change;
      const op = event.op === 'd' ? 'delete' : 'upsert';
      put(`order/${event.order_id}`, op, orderValueOf(e.change), orderEvidenceOf(e.change, 0));
    }
    if (e.kind === 'anomaly') {
      const id = `anomaly/${anomalyKey(e.anomaly.rule, e.anomaly.event.order_id)}`;
      expect([id, results.has(id)]).toEqual([id, false]); // an anomaly is said once
      put(id, 'upsert', anomalyValueOf(e.anomaly), anomalyEvidenceOf(e.anomaly, 0));
    }
  }
  return results;
}

async function oracleFold(
  cases: readonly (readonly (string | null)[])[],
  ...args: readonly string[]
): Promise<Map<string, unknown>[]> {
  const text = await runFold(args, (stdin) => {
    cases.forEach((values, n) =>
      values.forEach((value, offset) =>
        stdin.write(`${JSON.stringify({ case: n, partition: 0, offset, key: null, value })}\n`),
      ),
    );
    stdin.end();
  });
  const result = cases.map(() => new Map<string, unknown>());
  for (const line of text.split('\n').filter((l) => l !== '')) {
    const { case: n, kind, op, business_key, calculated_value, evidence } = JSON.parse(line) as Row;
    result[n]?.set(`${kind}/${business_key}`, { op, calculated_value, evidence });
  }
  return result;
}

const BASE_MS = Date.parse('2026-01-05T09:00:00.000Z');
const time = (ms: number): string => new Date(ms).toISOString();

// Event times within lateness of each other: beyond it the processor drops what the oracle counts, on purpose.
const row = fc.record({
  event_id: fc.uuid(),
  order_id: fc.integer({ min: 1, max: 60 }).map((n) => `o-${n}`),
  symbol: fc.constantFrom('005930', '005930', '005930', '000660', 'G000'),
  side: fc.constantFrom('BUY', 'SELL'),
  quantity: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(Number.MAX_SAFE_INTEGER)),
  price: fc.oneof(
    fc.tuple(fc.nat(999_999), fc.nat(9999)).map(([a, b]) => `${a}.${String(b).padStart(4, '0')}`),
    fc.constantFrom('100', '105', '104.99999999', '95', '100000'),
    fc.constantFrom('0', '0.000000005', '0.00000001', '99999999999999999999.999999999999999999', '007', '10.50'),
  ),
  status: fc.constantFrom('PENDING', 'FILLED', 'CANCELLED'),
  event_time: fc
    .oneof(fc.integer({ min: -30_000, max: 30_000 }), fc.integer({ min: -3_000, max: 3_000 }))
    .map((d) => time(BASE_MS + d)),
  produce_time: fc.constant(time(BASE_MS)),
  version: fc.nat(5),
});
const op = fc.constantFrom('c', 'c', 'c', 'r', 'u', 'd');
const spoiled = fc
  .tuple(
    row,
    op,
    fc.constantFrom('price', 'quantity', 'event_time', 'symbol', 'op', 'version', 'event_id'),
    fc.jsonValue(),
  )
  .map(([r, o, field, value]) => JSON.stringify({ ...r, op: o, [field]: value }));
const value: fc.Arbitrary<string | null> = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(row, op).map(([r, o]) => JSON.stringify({ ...r, op: o })) },
  {
    weight: 4,
    arbitrary: fc.tuple(row, op, fc.boolean()).map(([r, o, wrap]) => {
      const envelope = o === 'd' ? { before: r, after: null, op: o } : { before: null, after: r, op: o };
      return JSON.stringify(wrap ? { schema: null, payload: envelope } : envelope, null, wrap ? 1 : 0);
    }),
  },
  { weight: 2, arbitrary: spoiled },
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '{', 'null', '[]', '{"op":"c","after":null}', 'NaN', '{"op":"c","price":NaN}'),
  },
);

test('the Python fold and the processor agree on every stream', async () => {
  const cases = fc.sample(fc.array(value, { minLength: 1, maxLength: 50, size: 'max' }), 200);
  const expected = await oracleFold(cases);
  const kinds = new Map<string, number>();
  cases.forEach((values, n) => {
    const ours = processorFold(values);
    for (const id of ours.keys()) {
      const [name = ''] = id.split(id.startsWith('anomaly') ? ':' : '/');
      kinds.set(name, (kinds.get(name) ?? 0) + 1);
    }
    expect({ n, values, folded: [...ours].sort() }).toEqual({ n, values, folded: [...(expected[n] ?? [])].sort() });
  });
  // Else the streams test nothing.
  const rules = ['LARGE_ORDER', 'HIGH_AMOUNT', 'PRICE_SPIKE', 'RAPID_ORDERS'].map((rule) => `anomaly/${rule}`);
  for (const name of ['order_window', 'order', ...rules])
    expect([name, (kinds.get(name) ?? 0) > 30]).toEqual([name, true]);

  // What the comparison of a million events runs: the same values, only without evidence.
  const bare = await oracleFold(cases, '--values-only');
  const without = expected.map((rows) => [...rows].map(([id, row]) => [id, { ...(row as object), evidence: null }]));
  expect(bare.map((rows) => [...rows])).toEqual(without);
}, 60_000);

test('both fold the worked example of the contract to its figures', async () => {
  const lines = readFileSync(new URL('../fixtures/worked-example.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const [oracle] = await oracleFold([lines]);
  expect([...processorFold(lines)].sort()).toEqual([...(oracle ?? [])].sort());
  const at = (symbol: string): unknown => oracle?.get(`order_window/${symbol}@2026-01-05T09:00:00.000Z`);
  const anomalies = [...(oracle ?? [])].filter(([id]) => id.startsWith('anomaly/'));
  expect(anomalies.map(([id, row]) => [id, row])).toEqual([
    [
      'anomaly/LARGE_ORDER:worked-005930-3',
      expect.objectContaining({
        calculated_value: {
          rule: 'LARGE_ORDER',
          order_id: 'worked-005930-3',
          symbol: '005930',
          observed: '1000',
          threshold: '500',
          detected_at: '2026-01-05T09:00:00.002Z',
        },
      }),
    ],
    ['anomaly/LARGE_ORDER:worked-000660-1', expect.anything()],
    [
      'anomaly/HIGH_AMOUNT:worked-000660-1',
      expect.objectContaining({
        calculated_value: expect.objectContaining({ observed: '144000000', threshold: '100000000' }),
      }),
    ],
  ]);
  expect(at('005930')).toMatchObject({
    calculated_value: {
      orders_total: 3,
      orders_buy: 2,
      orders_sell: 1,
      total_amount: '84850000',
      average_price: '73000',
      min_price: '72000',
      max_price: '74000',
    },
  });
  expect(at('000660')).toMatchObject({ calculated_value: { orders_total: 1, total_amount: '144000000' } });
  expect(at('035420')).toMatchObject({ calculated_value: { orders_total: 1, total_amount: '6450000' } });
  expect(at('035720')).toMatchObject({ calculated_value: { orders_total: 1, total_amount: '90000000' } });
});

test('an input that ends before the offsets it was promised gives no result at all', async () => {
  const line = JSON.stringify({ partition: 0, offset: 0, key: null, value: null });
  const fold = (end: string): Promise<string> => runFold(['--end', end], (stdin) => stdin.end(`${line}\n`));
  expect(await fold('0:1')).toBe('');
  await expect(fold('0:2')).rejects.toThrow('fold.py ended with 3');
  await expect(fold('0:1,1:1')).rejects.toThrow('fold.py ended with 3');
});
