import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { runFold } from '../../test/harness/oracle.js';
import type { SourceEvent } from '../history/types.js';
import { compare, decimal, mean, plain, plus } from './decimal.js';
import { FOLDED_KINDS, millis, SourceFold } from './fold.js';

const RULES = ['LARGE_ORDER', 'HIGH_AMOUNT', 'PRICE_SPIKE', 'RAPID_ORDERS'];

const BASE_MS = Date.parse('2026-01-05T09:00:00.000Z');
const eventsOf = (values: readonly (string | null)[]): SourceEvent[] =>
  values.map((value, offset) => ({ type: 'event', partition: offset % 2, offset, key: null, value, appendedAtMs: 0 }));

/** What the Python oracle makes of each list of records: `<kind> <business key>` → value and whether it is deleted. */
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
    const row = JSON.parse(line) as Record<'kind' | 'business_key' | 'op', string> & {
      case: number;
      calculated_value: unknown;
    };
    const { calculated_value: value, op } = row;
    results[row.case]?.set(`${row.kind} ${row.business_key}`, { value, deleted: op === 'delete' });
  }
  return results;
}

const ours = (events: readonly SourceEvent[]): Map<string, { value: unknown; deleted: unknown }> => {
  const fold = new SourceFold(events, 300_000);
  return new Map(
    FOLDED_KINDS.flatMap((kind) =>
      fold.keys(kind).map((key) => {
        const folded = fold.fold(kind, key);
        return [`${kind} ${key}`, { value: folded?.value, deleted: folded?.deleted }] as const;
      }),
    ),
  );
};

const row = fc.record({
  event_id: fc.uuid(),
  order_id: fc.integer({ min: 1, max: 30 }).map((n) => `o-${n}`),
  symbol: fc.constantFrom('005930', '005930', '005930', '000660', 'G000'),
  side: fc.constantFrom('BUY', 'SELL'),
  quantity: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(Number.MAX_SAFE_INTEGER)),
  price: fc.oneof(
    fc.tuple(fc.nat(999_999), fc.nat(9999)).map(([a, b]) => `${a}.${String(b).padStart(4, '0')}`),
    fc.constantFrom('0', '0.000000005', '0.000000015', '0.00000001', '99999999999999999999.999999999999999999', '007'),
  ),
  status: fc.constantFrom('PENDING', 'FILLED', 'CANCELLED'),
  event_time: fc
    .oneof(
      fc.integer({ min: -400_000, max: 400_000 }),
      fc.integer({ min: -2, max: 2 }).map((n) => n * 5_000),
    )
    .map((d) => new Date(BASE_MS + d).toISOString()),
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
  let results = 0;
  cases.forEach((events, n) => {
    const folded = ours(events);
    results += folded.size;
    expect([...folded].sort()).toEqual([...(expected[n] ?? [])].sort());
  });
  expect(results).toBeGreaterThan(900);
}, 60_000);

/** Orders of few symbols, close together, now and then one again: what the rules speak of. */
const creation = fc.tuple(row, fc.constantFrom('A', 'B'), fc.integer({ min: -6, max: 6 }), fc.nat(4)).map((drawn) => {
  const [r, symbol, seconds, step] = drawn;
  const event_time = new Date(BASE_MS + seconds * 2_500).toISOString();
  return JSON.stringify({ ...r, symbol, event_time, price: `${[100, 104.99, 105, 95.5, 0][step]}`, op: 'c' });
});

test('and on every anomaly, of each rule', async () => {
  const orders = fc
    .array(fc.tuple(creation, fc.nat(60)), { minLength: 12, maxLength: 30 })
    .map((drawn) =>
      drawn.map(([text, id]) => JSON.stringify({ ...(JSON.parse(text) as object), order_id: `o-${id}` })),
    );
  // A symbol comes in one partition, or (every third case) moves.
  const cases = fc
    .sample(orders, 60)
    .map((values, n) => eventsOf(values).map((event) => ({ ...event, partition: n % 3 === 0 ? event.partition : 0 })));
  const expected = await oracle(cases);
  const counts = new Map(RULES.map((rule) => [rule, 0]));
  cases.forEach((events, n) => {
    const folded = ours(events);
    for (const key of folded.keys()) {
      const [, rule = ''] = /^anomaly (\w+):/.exec(key) ?? [];
      if (rule !== '') counts.set(rule, (counts.get(rule) ?? 0) + 1);
    }
    expect([...folded].sort()).toEqual([...(expected[n] ?? [])].sort());
  });
  for (const [rule, count] of counts) expect([rule, count > 20]).toEqual([rule, true]);
}, 60_000);

test('the worked example of the contract', () => {
  const lines = readFileSync(new URL('../../test/fixtures/worked-example.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const folded = ours(lines.map((line, offset) => ({ ...eventsOf([line])[0]!, offset })));
  expect(folded.get('order_window 005930@2026-01-05T09:00:00.000Z')?.value).toMatchObject({
    orders_total: 3,
    orders_buy: 2,
    total_amount: '84850000',
    average_price: '73000',
    min_price: '72000',
    max_price: '74000',
  });
});

test('an anomaly is there from its order on, and not before; its predecessors are its members', () => {
  const events = ['100', '105', '105.001'].map((price, offset) => {
    const body = JSON.parse(order(1, 'PENDING', 'c')) as Record<string, unknown>;
    const text = JSON.stringify({ ...body, order_id: `o-${offset}`, price, quantity: offset === 2 ? 501 : 1 });
    return { ...eventsOf([text])[0]!, offset };
  });
  const fold = new SourceFold(events, 300_000);
  expect(fold.keys('anomaly').sort()).toEqual(['LARGE_ORDER:o-2', 'PRICE_SPIKE:o-1']);
  expect(fold.fold('anomaly', 'PRICE_SPIKE:o-1', { '0': [0, 0] })).toBeNull();
  const spike = fold.fold('anomaly', 'PRICE_SPIKE:o-1', { '0': [0, 1] });
  expect(spike?.value).toMatchObject({ observed: '5', threshold: '5', symbol: 'A' });
  expect(spike?.members.map(({ offset }) => offset)).toEqual([0, 1]);
});

test('of a symbol in two source partitions only what the coverage names counts', () => {
  const events = ['100', '200'].map((price, n) => {
    const body = JSON.parse(order(1, 'PENDING', 'c')) as Record<string, unknown>;
    return { ...eventsOf([JSON.stringify({ ...body, order_id: `o-${n}`, price })])[0]!, partition: n, offset: 0 };
  });
  const fold = new SourceFold(events, 300_000);
  expect(fold.fold('anomaly', 'PRICE_SPIKE:o-1')?.value).toMatchObject({ observed: '100' });
  expect(fold.fold('anomaly', 'PRICE_SPIKE:o-1', { '1': [0, 0] })).toBeNull();
  expect(fold.fold('anomaly', 'PRICE_SPIKE:o-1', { '0': [0, 0], '1': [0, 0] })).not.toBeNull();
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
