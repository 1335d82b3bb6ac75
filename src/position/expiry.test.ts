import { expiredKindOf, isExpired, keyTime, mayHaveExpired, rangeOf, setMayLack, type Expiry } from './expiry.js';
import { position } from './position.js';

const engine = 'KAFKA_ONLY' as const;
const window = (start: string) => ({ kind: 'order_window', businessKey: `G001@${start}`, engine });
const order = { kind: 'order', businessKey: 'order-1', engine };
const at = (minute: number): string => `2026-01-05T09:${String(minute).padStart(2, '0')}:00.000Z`;
const expiry = (until: string | null, kind = 'order_window'): Expiry => ({
  to: position(50),
  kinds: new Map([[expiredKindOf({ kind, engine }), { until }]]),
});

test('what was last changed at or below the floor has expired, and nothing else', () => {
  expect([49, 50, 51].map((p) => isExpired(position(p), expiry(null)))).toEqual([true, true, false]);
  expect(isExpired(position(0), { to: null })).toBe(false);
});

test('a key carries the time that it ends in', () => {
  expect(keyTime(`a@b@${at(5)}`)).toBe(at(5));
  expect([keyTime('order-1'), keyTime(`${at(5)}`), keyTime(`a@${at(5)} `), keyTime('a@yesterday')]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test('a key of which no result can have expired is told from one of which one may have', () => {
  expect(mayHaveExpired(expiry(at(10)), window(at(10)))).toBe(true);
  expect(mayHaveExpired(expiry(at(10)), window(at(15)))).toBe(false);
  expect(mayHaveExpired(expiry(null), window(at(15)))).toBe(true);
  // Nothing of the kind, or of the engine, has expired.
  expect(mayHaveExpired(expiry(at(10), 'order'), window(at(0)))).toBe(false);
  expect(mayHaveExpired(expiry(at(10)), { ...window(at(0)), engine: 'FLINK' })).toBe(false);
  // A key without a time: only the beginning of its events can tell.
  expect(mayHaveExpired(expiry(at(10), 'order'), order)).toBe(true);
  expect(mayHaveExpired(expiry(at(10), 'order'), order, at(10))).toBe(true);
  expect(mayHaveExpired(expiry(at(10), 'order'), order, at(11))).toBe(false);
  // Spelled otherwise, it does not compare.
  expect(mayHaveExpired(expiry(at(10), 'order'), order, '2026-01-05T11:11:00+02:00')).toBe(true);
});

test('a page lacks nothing if all it speaks of is later than what has expired', () => {
  const rows = [12, 11].map((minute) => ({ calculatedValue: { window_start: at(minute) } }));
  const down = { orderBy: 'window_start', descending: true, limit: 2 };
  const up = { ...down, descending: false };
  const lacks = (query: Parameters<typeof rangeOf>[0], page = rows): boolean =>
    setMayLack(expiry(at(10)), { kind: 'order_window', engine }, rangeOf(query, page));
  expect(lacks(down)).toBe(false);
  // Not full: it ended where the results do.
  expect(lacks({ ...down, limit: 3 })).toBe(true);
  expect(lacks({ ...down, limit: 3, from: at(11) })).toBe(false);
  expect(lacks(up)).toBe(true);
  expect(lacks({ ...up, after: { order: at(11) } })).toBe(false);
  expect(lacks({ ...up, after: { order: at(10) } })).toBe(true);
  expect(lacks({ ...up, from: at(11) }, [])).toBe(false);
  // By a field of which nothing is known.
  expect(lacks({ ...up, orderBy: 'price', from: at(11) })).toBe(true);
  expect(setMayLack(expiry(at(10)), { kind: 'order_window', engine }, null)).toBe(true);
  expect(setMayLack(expiry(at(10)), { kind: 'order', engine }, null)).toBe(false);
});
