import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { runFold } from '../../test/harness/oracle.js';
import type { SourceEvent } from '../history/types.js';
import { compare, decimal, mean, plain, plus } from './decimal.js';
import { millis, SourceFold } from './fold.js';

const BASE_MS = Date.parse('2026-01-05T09:00:00.000Z');
const eventsOf = (values: readonly (string | null)[]): SourceEvent[] =>
  values.map((value, offset) => ({ type: 'event', partition: offset % 2, offset, key: null, value, appendedAtMs: 0 }));

/** The windows that the Python oracle makes of each list of records. */
async function oracle(cases: readonly (readonly SourceEvent[])[]): Promise<Map<string, unknown>[]> {
  const out = await runFold([], (stdin) => {
    cases.forEach((events, n) =>
      events.forEach(({ partition, offset, key, value }) =>
        stdin.write(`${JSON.stringify({ case: n, partition, offset, key, value })}\n`),
      ),
    );
    stdin.end();
  });
  const results = cases.map(() => new Map<string, unknown>());
  for (const line of out.split('\n').filter((text) => text !== '')) {
    const row = JSON.parse(line) as { case: number; kind?: string; business_key: string; calculated_value: unknown };
    if ((row.kind ?? 'order_window') === 'order_window') results[row.case]?.set(row.business_key, row.calculated_value);
  }
  return results;
}

const ours = (events: readonly SourceEvent[]): Map<string, unknown> => {
  const fold = new SourceFold(events, 300_000);
  return new Map(fold.keys('order_window').map((key) => [key, fold.fold('order_window', key)?.value]));
};

const row = fc.record({
  event_id: fc.uuid(),
  order_id: fc.integer({ min: 1, max: 12 }).map((n) => `o-${n}`),
  symbol: fc.constantFrom('005930', '000660', 'G000'),
  side: fc.constantFrom('BUY', 'SELL'),
  quantity: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(Number.MAX_SAFE_INTEGER)),
  price: fc.oneof(
    fc.tuple(fc.nat(999_999), fc.nat(9999)).map(([a, b]) => `${a}.${String(b).padStart(4, '0')}`),
    fc.constantFrom('0', '0.000000005', '0.000000015', '0.00000001', '99999999999999999999.999999999999999999', '007'),
  ),
  status: fc.constantFrom('PENDING', 'FILLED', 'CANCELLED'),
  event_time: fc.integer({ min: -400_000, max: 400_000 }).map((d) => new Date(BASE_MS + d).toISOString()),
  produce_time: fc.constant(new Date(BASE_MS).toISOString()),
  version: fc.nat(5),
});
const op = fc.constantFrom('c', 'c', 'r', 'u', 'd');
const field = fc.constantFrom('price', 'quantity', 'event_time', 'symbol', 'op', 'version', 'event_id', 'order_id');
const value: fc.Arbitrary<string | null> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(row, op).map(([r, o]) => JSON.stringify({ ...r, op: o })) },
  {
    weight: 3,
    arbitrary: fc.tuple(row, op, fc.boolean()).map(([r, o, wrap]) => {
      const envelope = o === 'd' ? { before: r, after: null, op: o } : { before: null, after: r, op: o };
      return JSON.stringify(wrap ? { schema: null, payload: envelope } : envelope);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(row, op, field, fc.jsonValue()).map(([r, o, f, v]) => JSON.stringify({ ...r, op: o, [f]: v })),
  },
  { weight: 1, arbitrary: fc.constantFrom(null, '', '{', 'null', '[]', '{"op":"c","after":null}', 'NaN') },
);

test('this fold and the Python oracle agree on every stream', async () => {
  const cases = fc.sample(fc.array(value, { minLength: 1, maxLength: 60 }), 300).map(eventsOf);
  const expected = await oracle(cases);
  let windows = 0;
  cases.forEach((events, n) => {
    const folded = ours(events);
    windows += folded.size;
    expect([...folded].sort()).toEqual([...(expected[n] ?? [])].sort());
  });
  expect(windows).toBeGreaterThan(300);
}, 60_000);

test('the worked example of the contract', () => {
  const lines = readFileSync(new URL('../../test/fixtures/worked-example.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const folded = ours(lines.map((line, offset) => ({ ...eventsOf([line])[0]!, offset })));
  expect(folded.get('005930@2026-01-05T09:00:00.000Z')).toMatchObject({
    orders_total: 3,
    orders_buy: 2,
    total_amount: '84850000',
    average_price: '73000',
    min_price: '72000',
    max_price: '74000',
  });
});

const order = (version: number, status: string, o = 'u'): string => {
  const time = new Date(BASE_MS + version).toISOString();
  const body = {
    event_id: '00000000-0000-4000-8000-000000000001',
    order_id: 'x',
    symbol: 'A',
    side: 'BUY',
    quantity: 1,
  };
  return JSON.stringify({ ...body, price: '1.50', status, op: o, event_time: time, produce_time: time, version });
};

test('up to a coverage only what lies within counts; an order is its newest version, until it is deleted', () => {
  const events = [order(2, 'FILLED'), order(1, 'PENDING', 'c'), order(2, 'CANCELLED'), order(2, 'FILLED', 'd')].map(
    (text, offset) => ({ ...eventsOf([text])[0]!, offset }),
  );
  const fold = new SourceFold(events, 300_000);
  const upTo = (last: number): unknown => fold.fold('order', 'x', { '0': [0, last] });
  expect(upTo(2)).toMatchObject({ value: { status: 'FILLED', price: '1.5', deleted_at: null }, deleted: false });
  expect(upTo(3)).toMatchObject({ value: { version: 2, deleted_at: '2026-01-05T09:00:00.002Z' }, deleted: true });
  expect(fold.fold('order', 'x', { '1': [0, 9] })).toBeNull();
});

test('decimals are exact, and half goes to the even neighbour', () => {
  expect(plain(plus(decimal('0.1'), decimal('0.2')))).toBe('0.3');
  expect(plain(mean(decimal('0.00000003'), 2n))).toBe('0.00000002');
  expect(plain(mean(decimal('0.00000001'), 2n))).toBe('0');
  expect(plain(mean(decimal('10'), 3n))).toBe('3.33333333');
  expect(compare(decimal('10.50'), decimal('10.5'))).toBe(0);
  expect(millis('2026-02-30T00:00:00.000Z')).toBeNull();
});
