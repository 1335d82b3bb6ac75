import { readConfig } from './config.js';
import { Decimal, average, canonical } from '../../fold/decimal.js';
import { addToDigest } from '../../fold/digest.js';
import {
  LOST_UNNAMED,
  LostSymbols,
  MAX_LOST_PER_WINDOW,
  MAX_MARKS,
  noteLost,
  pruneMarks,
  type LostMark,
} from '../../fold/lost.js';
import { openWindow } from '../../fold/window.js';
import { Outbox } from './outbox.js';
import { AppendTimes } from './progress.js';
import { decodeSnapshot, encodeSnapshot } from './snapshot.js';
import { SourcePartition } from './partition.js';
import { SETTINGS, T0, event, record, startAt } from './testing.js';

test('a decimal has one spelling: no exponent, no trailing zeros', () => {
  expect(['1.50', '0.0', '100', '1e30', '0.00000001', '007'].map((d) => canonical(new Decimal(d)))).toEqual([
    '1.5',
    '0',
    '100',
    '1000000000000000000000000000000',
    '0.00000001',
    '7',
  ]);
});

test('the mean has scale 8 and rounds half to even', () => {
  const mean = (sum: string, n: number): string => canonical(average(new Decimal(sum), n));
  expect(mean('10', 3)).toBe('3.33333333');
  expect(mean('0.00000001', 2)).toBe('0'); // 0.5 of the last place, down to even
  expect(mean('0.00000003', 2)).toBe('0.00000002'); // 1.5, up to even
  expect(mean('0.000000010000000002', 2)).toBe('0.00000001'); // above the half
});

test('the digest sums 64 bits of each id and wraps', () => {
  const a = addToDigest(0n, 'a');
  expect(a).toBe(0xca978112ca1bbdcan); // sha-256("a")
  expect(addToDigest((1n << 64n) - 1n, 'a')).toBe(a - 1n);
});

test('a wrong environment is refused with the name of the variable', () => {
  const env = { KAFKA_BROKERS: 'a:1,b:2', PROCESSOR_STATE_DIR: '/tmp/x' };
  expect(readConfig(env)).toMatchObject({
    brokers: ['a:1', 'b:2'],
    settings: { windowMs: 300_000, latenessMs: 60_000 },
  });
  expect(readConfig({ ...env, WINDOW_MS: 'soon' })).toMatchObject({ problems: [expect.stringContaining('WINDOW_MS')] });
  expect(readConfig({ PROCESSOR_STATE_DIR: '/tmp/x' })).toMatchObject({
    problems: [expect.stringContaining('KAFKA_BROKERS')],
  });
});

test('however much poison there is, the marks stay bounded and match no less', () => {
  const marks: LostMark[] = Array.from({ length: MAX_MARKS + 50 }, (_, i) => ({
    offset: i,
    key: 'A',
    appendTimeMs: T0 + i,
    watermarkMs: T0 - 1_000 + i,
  }));
  const kept = pruneMarks(marks, null, SETTINGS);
  expect(kept).toHaveLength(MAX_MARKS);
  expect(kept[0]).toEqual({ offset: 0, key: null, merged: true, appendTimeMs: T0 + 50, watermarkMs: T0 - 1_000 });
});

test('what can not be named is said to be there: by a merged mark, and beyond the names that a window may give', () => {
  const mark = (offset: number): LostMark => ({ offset, key: 'A', appendTimeMs: T0, watermarkMs: null });
  const window = openWindow('A', T0, SETTINGS.windowMs);
  expect([noteLost(window, mark(1)), noteLost(window, mark(1)), window.lost]).toEqual([true, false, [1]]);
  for (let offset = 2; offset < 200; offset++) noteLost(window, mark(offset));
  expect([window.lost.length, window.lost.at(-1)]).toEqual([MAX_LOST_PER_WINDOW + 1, LOST_UNNAMED]);
  const merged = openWindow('A', T0, SETTINGS.windowMs);
  noteLost(merged, { ...mark(1), merged: true });
  expect(merged.lost).toEqual([LOST_UNNAMED]);
  const symbols = new LostSymbols([{ key: null, offset: 3, untilMs: T0, merged: true }]);
  symbols.add({ key: null, offset: 9, untilMs: T0 });
  expect(symbols.of('A', null, 0)).toEqual([LOST_UNNAMED]);
});

test('what was taken from the outbox stays in it until it is confirmed', () => {
  const outbox = new Outbox();
  outbox.add({ resultPartition: 0, key: 'a', value: '1', carries: { partition: 0, offset: 7 } });
  outbox.add({ resultPartition: 1, key: 'b', value: '2', carries: { partition: 0, offset: 5 } });
  expect(outbox.peek(1)).toMatchObject([{ key: 'a' }]);
  expect([outbox.size, outbox.lowestUnacked(0), outbox.lowestUnacked(1)]).toEqual([2, 5, Infinity]);
  outbox.ack(2);
  expect([outbox.size, outbox.acked, outbox.lowestUnacked(0)]).toEqual([0, 2, Infinity]);
});

test('the append time of an offset is that of the last record below it', () => {
  const times = new AppendTimes();
  for (const [offset, ms] of [
    [10, 1],
    [11, 1],
    [14, 5],
    [20, 9],
  ] as const)
    times.note(offset, ms);
  expect([10, 11, 14, 15, 20, 21, 99].map((o) => times.below(o))).toEqual([null, 1, 1, 5, 5, 9, 9]);
});

test('a snapshot restores sums, marks and watermark, but not the order ids', () => {
  const from = new SourcePartition(SETTINGS, startAt(0), null);
  from.apply(record(0, event({ order_id: 'a', price: '0.1' })));
  from.apply(record(1, '{', 'G000'));
  const text = encodeSnapshot(from, 'orders.events', new Set());
  const snapshot = decodeSnapshot(text, 'orders.events', 0);
  const [before] = from.windows.values();
  const restored = snapshot?.windows[0];
  expect({ ...restored, seen: null }).toEqual({ ...before, seen: null });
  expect(restored?.seen.size).toBe(0);
  expect(snapshot?.marks).toEqual(from.marks);
  expect(decodeSnapshot(text, 'orders.events', 1)).toBeNull();
  expect(decodeSnapshot(text.slice(0, -1), 'orders.events', 0)).toBeNull();
});
