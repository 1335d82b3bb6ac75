import type { LogEnd } from '../log/ends.js';
import type { Micros } from '../position/position.js';
import { fact } from '../server/testing/fake-proofs.js';
import { Activities, heldUp } from './activity.js';

const NOW = 1_000_000_000_000 as Micros;
const at = (ms: number): Micros => (NOW + ms * 1_000) as Micros;
const end = (over: Partial<LogEnd> = {}): LogEnd => ({ asked: 10n, stable: 10n, high: 10n, heldMs: null, ...over });
const heard = (ms: number, sources: Record<string, string> = { '0': '10' }) =>
  fact({ lastHeartbeatAt: at(ms), sources }, 'KAFKA_ONLY');

test('idle: all that is written is counted, and heartbeats come; without heartbeats, or ends, nothing is known', () => {
  const of = (high: bigint | null, heardMs = 0) =>
    new Activities(() => (high === null ? null : end({ high })), 'orders').of([heard(heardMs)], NOW);
  const seen = [of(10n), of(9n), of(11n), of(null), of(10n, -3_000), of(10n, -3_001)];
  expect(seen).toEqual(['IDLE', 'IDLE', 'ACTIVE', 'UNKNOWN', 'IDLE', 'UNKNOWN']);
  expect(new Activities(() => end(), 'orders').of([heard(0, {})], NOW)).toBe('UNKNOWN');
});

test('back-pressure: what was written two heartbeats and a second ago is not counted, though it goes on; standing still is unknown', () => {
  let high = 100n;
  const activities = new Activities(() => end({ high }), 'orders');
  const look = (ms: number, counted: number): string => activities.of([heard(ms, { '0': String(counted) })], at(ms));
  expect(look(0, 10)).toBe('ACTIVE');
  high = 1_000n;
  expect([look(3_000, 50), look(3_001, 50), look(4_000, 99)]).toEqual(['ACTIVE', 'BACK_PRESSURE', 'BACK_PRESSURE']);
  // What was written first is counted: it is measured by what is written now.
  expect([look(5_000, 100), look(8_001, 100)]).toEqual(['ACTIVE', 'UNKNOWN']);
  expect(look(9_000, 1_000)).toBe('IDLE');
});

test('an open transaction holds a pipeline up where two heartbeats are missing and more is written than can be read', () => {
  const held = (over: Partial<LogEnd>, heardMs = -2_001) =>
    heldUp([heard(heardMs)], NOW, () => end({ high: 12n, ...over }));
  expect(held({ heldMs: 1_201 })).toBe(true);
  // Heartbeats come; a short transaction; ingest itself is behind; nothing is written.
  expect([
    held({ heldMs: 9_000 }, -2_000),
    held({ heldMs: 1_200 }),
    held({ heldMs: 9_000, asked: 9n }),
    held({}),
  ]).toEqual([false, false, false, false]);
  expect(heldUp([heard(-9_000)], NOW, () => null)).toBeNull();
  const some = [heard(-9_000), { ...heard(-9_000), resultPartition: 1 }];
  const where = (p: number) => (p === 1 ? end({ high: 12n, heldMs: 5_000 }) : null);
  expect(heldUp(some, NOW, (_, p) => where(p))).toBe(true);
});
