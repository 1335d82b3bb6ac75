import { DEFAULT_STREAM, EventStream, backfill, due, eventId, type StreamOptions } from './stream.js';
import { zipf } from './random.js';
import { parseEventText } from '../wire/parse-event.js';
import type { OrderEvent } from '../wire/event.js';

const T0 = Date.parse('2026-01-05T09:00:00.000Z');
const take = (n: number, options: Partial<StreamOptions> = {}, session = 's'): string[] => {
  const stream = new EventStream({ ...DEFAULT_STREAM, ...options }, session);
  return [...backfill(stream, n, T0, T0 + 3_600_000)].map((m) => m.value);
};
const events = (values: readonly string[]): OrderEvent[] => values.map((v) => JSON.parse(v) as OrderEvent);
const lag = (e: OrderEvent): number => Date.parse(e.produce_time) - Date.parse(e.event_time);

test('same seed, same bytes; another seed, other bytes', () => {
  const options = { late: 0.1, tooLate: 0.05, updates: 0.1, poison: 0.02, skew: 1 };
  expect(take(2_000, options)).toEqual(take(2_000, options));
  expect(take(20, { ...options, seed: 2 })).not.toEqual(take(20, options));
});

test('two sessions of the same seed share no order and no event id', () => {
  const ids = (session: string): string[] => events(take(500, {}, session)).flatMap((e) => [e.order_id, e.event_id]);
  const first = new Set(ids('a'));
  expect(ids('b').filter((id) => first.has(id))).toEqual([]);
});

test('every record is decodable unless it is meant to be poison', () => {
  const kinds = (poison: number): number =>
    take(3_000, { late: 0.1, tooLate: 0.1, updates: 0.1, poison }).filter((v) => parseEventText(v).kind === 'broken')
      .length;
  expect(kinds(0)).toBe(0);
  expect(kinds(0.1)).toBeGreaterThan(200);
});

test('a duplicate is the same record, byte for byte, and as frequent as asked for', () => {
  const values = take(10_000, { duplicates: 0.05 });
  const repeated = values.length - new Set(values).size;
  expect(repeated).toBeGreaterThan(400);
  expect(repeated).toBeLessThan(600);
  const byId = new Map(events(values).map((e) => [e.order_id, JSON.stringify(e)]));
  for (const v of values) expect(byId.get((JSON.parse(v) as OrderEvent).order_id)).toBe(v);
});

test('out of order stays above the watermark, late within lateness, too late beyond it', () => {
  const only = (o: Partial<StreamOptions>): number[] =>
    events(take(2_000, { duplicates: 0, outOfOrder: 0, late: 0, tooLate: 0, ...o })).map(lag);
  expect(Math.max(...only({}))).toBe(0);
  expect(Math.max(...only({ outOfOrder: 1 }))).toBeLessThan(10_000);
  expect(Math.min(...only({ late: 1 }))).toBeGreaterThan(10_000);
  expect(Math.max(...only({ late: 1 }))).toBeLessThan(60_000);
  // Whatever its place in the window, such an event finds it closed: window + lateness + delay.
  expect(Math.min(...only({ tooLate: 1 }))).toBeGreaterThan(300_000 + 60_000 + 10_000);
});

test('only the configured number of symbols is used, all within G000 to G999', () => {
  const symbols = new Set(events(take(3_000, { symbols: 7 })).map((e) => e.symbol));
  expect([...symbols].sort()).toEqual(['G000', 'G001', 'G002', 'G003', 'G004', 'G005', 'G006']);
});

test('the skew makes the first symbol the most frequent one', () => {
  const pick = zipf(100, 1);
  const even = zipf(4, 0);
  expect([0, 0.25, 0.5, 0.999].map(even)).toEqual([0, 1, 2, 3]);
  expect(pick(0)).toBe(0);
  expect(pick(0.999999)).toBe(99);
  expect(pick(0.19)).toBe(0); // 1 / H(100) = 0.193
});

test('an event id is a UUID and follows from the name', () => {
  expect(eventId('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(eventId('a')).toBe(eventId('a'));
  expect(eventId('a')).not.toBe(eventId('b'));
});

test('a steady rate owes what the elapsed time says', () => {
  expect([0, 49, 50, 1_000, 60_000].map((ms) => due(20, T0, T0 + ms))).toEqual([0, 0, 1, 20, 1_200]);
});
