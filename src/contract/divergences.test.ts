import { micros, position } from '../position/position.js';
import type { Store } from '../words.js';
import { Divergences, NO_DIVERGENCES, type StoredDivergences } from './divergences.js';
import type { AppliedPosition } from './assess.js';

const key = (businessKey: string, kind = 'order') => ({ kind, businessKey, engine: 'FLINK' as const });
const at = (p: number): AppliedPosition => ({ position: position(p), incarnation: 'i', committedAt: micros(0) });
const group = (over: Partial<StoredDivergences> = {}): StoredDivergences => ({
  store: 'MONGODB',
  kind: 'order',
  engine: 'FLINK',
  keys: [
    ['open', null],
    ['settled', 20],
  ],
  until: null,
  ...over,
});

test.each<[string, Store, string, AppliedPosition | null | 'unknown', boolean]>([
  ['open', 'MONGODB', 'open', at(1_000), true],
  ['open, in another store', 'CLICKHOUSE', 'open', at(1_000), false],
  ['another key', 'MONGODB', 'other', at(1_000), false],
  ['settled, and read after it', 'MONGODB', 'settled', at(20), false],
  ['settled, and perhaps read before it', 'MONGODB', 'settled', at(19), true],
  ['settled, and nobody knows when it was read', 'MONGODB', 'settled', 'unknown', true],
])('a key: %s', (_, store, businessKey, applied, held) => {
  const divergences = new Divergences([group()]);
  expect(divergences.holdsKey(store, key(businessKey), applied)).toBe(held);
  expect(divergences.holdsKey(store, { ...key(businessKey), engine: 'KAFKA_ONLY' }, applied)).toBe(false);
  expect(divergences.holdsKey(store, key(businessKey, 'anomaly'), applied)).toBe(false);
});

test.each<[string, StoredDivergences, number, boolean]>([
  ['open', group(), 1_000, true],
  ['all settled, and read after the last one', group({ keys: [['settled', 20]], until: 20 }), 20, false],
  ['all settled, and perhaps read before the last one', group({ keys: [['settled', 20]], until: 20 }), 19, true],
  ['too many to be told apart', group({ keys: null }), 1_000, true],
  ['too many, all settled', group({ keys: null, until: 20 }), 20, false],
])('a set: %s', (_, stored, applied, held) => {
  const divergences = new Divergences([stored]);
  expect(divergences.holdsKind('MONGODB', key(''), at(applied))).toBe(held);
  expect(divergences.holdsKind('ELASTICSEARCH', key(''), at(applied))).toBe(false);
  expect(divergences.holdsKind('MONGODB', key('', 'anomaly'), at(applied))).toBe(false);
  // Beyond the limit every key is held, and below it only those that are named.
  expect(divergences.holdsKey('MONGODB', key('other'), at(applied))).toBe(stored.keys === null && held);
});

test('without any, nothing is held', () => {
  expect(NO_DIVERGENCES.holdsKey('MONGODB', key('open'), 'unknown')).toBe(false);
  expect(NO_DIVERGENCES.holdsKind('MONGODB', key(''), 'unknown')).toBe(false);
});
