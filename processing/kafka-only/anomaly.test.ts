import { anomalyEvidenceOf, anomalyValueOf } from '../../fold/anomaly.js';
import { LostSymbols, MAX_MARKS } from '../../fold/lost.js';
import { SourcePartition, type Effect } from './partition.js';
import { decodeSnapshot, encodeSnapshot } from './snapshot.js';
import { SETTINGS, T0, event, record, startAt } from './testing.js';
import type { OrderEvent } from './wire.js';

type Said = Extract<Effect, { kind: 'anomaly' }>;
const fresh = (): SourcePartition => new SourcePartition(SETTINGS, startAt(0), null);
const apply = (p: SourcePartition, ...events: OrderEvent[]): Effect[] =>
  events.flatMap((e) => p.apply(record(p.position, e)));
const anomalies = (effects: readonly Effect[]): Said[] => effects.filter((e) => e.kind === 'anomaly');
const rules = (effects: readonly Effect[]): string[] => anomalies(effects).map((e) => e.anomaly.rule);
const value = (effects: readonly Effect[]): unknown => anomalies(effects).map((e) => anomalyValueOf(e.anomaly));

test.each([
  [500, '1', []],
  [501, '1', ['LARGE_ORDER']],
  [100, '1000000', []],
  [100, '1000000.01', ['HIGH_AMOUNT']],
  [800, '180000', ['LARGE_ORDER', 'HIGH_AMOUNT']],
])('%d at %s: %j', (quantity, price, expected) => {
  expect(rules(apply(fresh(), event({ quantity, price })))).toEqual(expected);
});

test.each([
  ['100', '104.99999999', null],
  ['100', '105', '5'],
  ['100', '95', '5'],
  ['100', '95.00000001', null],
  ['3', '4', '33.33333333'],
  ['0', '1', null],
  ['1', '0', '100'],
])('from %s to %s is a spike of %s per cent, or none', (before, after, observed) => {
  const effects = apply(fresh(), event({ price: before }), event({ price: after }));
  expect(value(effects)).toMatchObject(observed === null ? [] : [{ rule: 'PRICE_SPIKE', observed, threshold: '5' }]);
});

test('the previous order is that of the symbol, by offset; updates, deletes and repetitions are none', () => {
  const p = fresh();
  const first = event({ symbol: 'A', price: '100' });
  apply(p, first, event({ symbol: 'B', price: '200' }), event({ symbol: 'A', price: '103' }));
  expect(rules(apply(p, first))).toEqual([]);
  expect(rules(apply(p, event({ ...first, op: 'u', version: 2, price: '500', event_id: event().event_id })))).toEqual(
    [],
  );
  const spike = anomalies(apply(p, event({ symbol: 'A', price: '109', atMs: T0 - 7 })));
  expect(spike.map((e) => anomalyEvidenceOf(e.anomaly, 0))).toMatchObject([
    {
      events: 2,
      coverage: { 0: [2, 5] },
      begins: '2026-01-05T08:59:59.993Z',
      max_event_time: '2026-01-05T09:00:00.000Z',
    },
  ]);
});

test('rapid are five orders of a symbol within ten seconds of event time, both ends included, in any order', () => {
  const at = (...seconds: number[]): string[] =>
    rules(apply(fresh(), ...seconds.map((s) => event({ atMs: T0 + s * 1_000 }))));
  expect(at(0, 0, 0, 0)).toEqual([]);
  expect(at(0, 1, 2, 3, 10)).toEqual(['RAPID_ORDERS']);
  expect(at(0, 1, 2, 3, 10.001)).toEqual([]);
  expect(at(3, 20, 1, 0, 2, 10)).toEqual(['RAPID_ORDERS']);
  expect(at(5, 5, 5, 5, 4)).toEqual([]); // what is newer does not lie before it
});

test('an order too old for what is remembered of its symbol is said to be undecided, not called calm', () => {
  const p = fresh();
  apply(p, ...[0, 1, 2, 3].map((s) => event({ atMs: T0 + s })));
  const newest = T0 + SETTINGS.latenessMs + SETTINGS.watermarkDelayMs;
  apply(p, event({ atMs: newest + 1_000 }));
  expect(rules(apply(p, event({ atMs: T0 + 1_000 })))).toEqual(['RAPID_ORDERS']); // just young enough
  const old = event({ order_id: 'old', atMs: T0 + 999 });
  expect(apply(p, old).filter((e) => e.kind === 'late_dropped')).toMatchObject([
    { resultKind: 'anomaly', key: 'RAPID_ORDERS:old' },
  ]);
});

test('an order that may repeat one from before the run does not hide the one before it', () => {
  const p = new SourcePartition(SETTINGS, startAt(5, { maxEventTimeMs: T0 }), null);
  const [certain, suspect, next] = [
    event({ price: '100', atMs: T0 + 1 }),
    event({ price: '110', atMs: T0 }),
    event({ price: '110', atMs: T0 + 2 }),
  ];
  apply(p, certain, suspect);
  const [spike] = anomalies(apply(p, next));
  expect(spike && anomalyEvidenceOf(spike.anomaly, 0)).toMatchObject({
    coverage: { 0: [5, 7] },
    begins: '2026-01-05T09:00:00.000Z', // and so LOW
  });
});

test('what was remembered of a symbol before a restart finds anomalies, but not where they begin', () => {
  const before = fresh();
  apply(before, ...[0, 1, 2, 3].map((s) => event({ price: '100', atMs: T0 + s })));
  const text = encodeSnapshot(before, 'orders.events', new Set());
  const snapshot = decodeSnapshot(text, 'orders.events', 0);
  const after = new SourcePartition(SETTINGS, startAt(4, { maxEventTimeMs: T0 + 3 }), snapshot);
  const found = anomalies(apply(after, event({ price: '106', atMs: T0 + 4 })));
  expect(found.map((e) => [e.anomaly.rule, anomalyEvidenceOf(e.anomaly, 0).begins])).toEqual([
    ['PRICE_SPIKE', null],
    ['RAPID_ORDERS', null],
  ]);
  // Orders at or beyond the start are read again: they are not their own predecessors.
  const again = new SourcePartition(SETTINGS, startAt(1, { maxEventTimeMs: T0 }), snapshot);
  expect(rules(apply(again, ...[1, 2, 3].map((s) => event({ price: '100', atMs: T0 + s }))))).toEqual([]);
});

test('an undecodable record marks what it could be an event of: same symbol, not newer than a minute after it', () => {
  const lost = (p: SourcePartition, e: OrderEvent): unknown[] =>
    apply(p, e).flatMap((x) => ('lost' in x ? [[x.kind, x.lost]] : []));
  const p = fresh();
  p.apply(record(0, '{', 'A', T0));
  const until = T0 + SETTINGS.poisonSkewMs;
  expect(lost(p, event({ symbol: 'A', quantity: 501, atMs: until }))).toEqual([
    ['order', [0]],
    ['anomaly', [0]],
  ]);
  const newer = event({ symbol: 'A', order_id: 'newer', atMs: until + 1 });
  expect(lost(p, newer)).toEqual([['order', []]]);
  expect(lost(p, event({ symbol: 'B', atMs: T0 }))).toEqual([['order', []]]);
  // Long after, an order from before it, and one whose creation nobody has seen.
  expect(lost(p, event({ symbol: 'A', op: 'u', version: 2, atMs: until + 10 ** 9 }))).toEqual([['order', [0]]]);
  expect(lost(p, { ...newer, op: 'u', version: 2 })).toEqual([['order', []]]);
});

test('an undecodable record between an order and its predecessor marks the spike, whatever their event times', () => {
  const p = fresh();
  const far = T0 + 10 * SETTINGS.poisonSkewMs;
  apply(p, event({ symbol: 'A', price: '100', atMs: far }));
  p.apply(record(1, '{', 'A', T0));
  const spike = anomalies(apply(p, event({ symbol: 'A', price: '110', atMs: far })));
  expect(spike.map((e) => [e.anomaly.rule, e.lost])).toEqual([['PRICE_SPIKE', [1]]]);
});

test('however many symbols have poison, the marks stay bounded and match no less', () => {
  const marks = new LostSymbols();
  for (let i = 0; i < MAX_MARKS + 500; i++) marks.add({ key: `S${i}`, offset: i, untilMs: T0 + i });
  expect(marks.all().length).toBeLessThanOrEqual(MAX_MARKS);
  for (let i = 0; i < MAX_MARKS + 500; i++) expect(marks.of(`S${i}`, T0 + i, Infinity).length).toBeGreaterThan(0);
});
