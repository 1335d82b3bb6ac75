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
  const options = { late: 0.1, tooLate: 0.05, updates: 0.1, poison: 0.02, skew: 1, bursts: 0.01, overtaken: 0.5 };
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
  const values = take(10_000, { duplicates: 0.05, updates: 0, deletes: 0 });
  const repeated = values.length - new Set(values).size;
  expect(repeated).toBeGreaterThan(400);
  expect(repeated).toBeLessThan(600);
  const byId = new Map(events(values).map((e) => [e.order_id, JSON.stringify(e)]));
  for (const v of values) expect(byId.get((JSON.parse(v) as OrderEvent).order_id)).toBe(v);
});

test('out of order stays above the watermark, late within lateness, too late beyond it', () => {
  const only = (o: Partial<StreamOptions>): number[] =>
    events(take(2_000, { duplicates: 0, updates: 0, deletes: 0, outOfOrder: 0, late: 0, tooLate: 0, ...o })).map(lag);
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

test('updates raise the version by one each, some after the version that follows them; nothing follows a delete but those', () => {
  const stream = events(take(20_000, { duplicates: 0, updates: 0.3, deletes: 0.05, overtaken: 0.2 }));
  const versions = new Map<string, number[]>();
  for (const e of stream) versions.set(e.order_id, [...(versions.get(e.order_id) ?? []), e.version]);
  const lists = [...versions.values()];
  const inOrder = (list: number[]): number[] => [...list].sort((a, b) => a - b);
  const whole = lists.filter((list) => inOrder(list).every((v, i) => v === i + 1));
  expect(lists.length - whole.length).toBeLessThan(3); // cut off at the end, with an overtaken update still to come
  expect(lists.filter((list) => list.join() !== inOrder(list).join()).length).toBeGreaterThan(300);
  const deleted = stream.filter((e) => e.op === 'd');
  expect(deleted.length).toBeGreaterThan(600);
  for (const d of deleted.slice(0, 200)) {
    expect(Math.max(...(versions.get(d.order_id) ?? []))).toBe(d.version);
  }
});

test('an order keeps its symbol, and no event of it is older than its creation', () => {
  const created = new Map<string, OrderEvent>();
  for (const e of events(take(5_000, { late: 0.1, tooLate: 0.05, updates: 0.3, deletes: 0.1, bursts: 0.01 }))) {
    const first = created.get(e.order_id) ?? e;
    created.set(e.order_id, first);
    expect([first.op, e.symbol]).toEqual(['c', first.symbol]);
    expect(e.event_time >= first.event_time).toBe(true);
  }
});

test('a burst is so many orders of one symbol in a row', () => {
  const options = { duplicates: 0, updates: 0, deletes: 0, bursts: 0.01, burstSize: 8 };
  const symbols = events(take(5_000, options)).map((e) => e.symbol);
  const runs = symbols.join(' ').match(/(G\d{3})( \1){7,}/g) ?? [];
  expect(runs.length).toBeGreaterThan(20);
  expect(take(5_000, { ...options, bursts: 0 }).length).toBe(5_000);
});

test('left to its defaults an hour shows a few of everything: updates, deletes, every anomaly', () => {
  const stream = events(take(20_000));
  const orders = stream.filter((e) => e.op === 'c');
  const share = (n: number): number => n / orders.length;
  expect(share(orders.filter((e) => e.quantity > 500).length)).toBeGreaterThan(0.002);
  expect(orders.filter((e) => e.quantity * Number(e.price) > 100_000_000).length).toBeGreaterThan(3);
  expect(stream.filter((e) => e.op === 'u').length).toBeGreaterThan(1_000);
  expect(stream.filter((e) => e.op === 'd').length).toBeGreaterThan(100);
  const last = new Map<string, number>();
  let spikes = 0;
  for (const e of orders) {
    const before = last.get(e.symbol);
    if (before !== undefined && Math.abs(Number(e.price) / before - 1) >= 0.05) spikes++;
    last.set(e.symbol, Number(e.price));
  }
  expect(spikes).toBeGreaterThan(20);
  expect(share(spikes)).toBeLessThan(0.02);
});
