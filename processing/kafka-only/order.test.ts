import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { BoundedOrders } from './order-memory.js';
import { foldOrder, orderEvidenceOf, orderValueOf, type OrderEntry, type OrderMemory } from '../../fold/order.js';
import { SourcePartition, type Effect } from './partition.js';
import { SpillFile } from './spill.js';
import { SETTINGS, T0, event, record, startAt } from './testing.js';
import type { OrderEvent } from './wire.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'spill-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const say = (p: SourcePartition, ...events: OrderEvent[]): Effect[] =>
  events.flatMap((e) => p.apply(record(p.position, e))).filter((e) => e.kind === 'order' || e.kind === 'anomaly');
const fresh = (): SourcePartition => new SourcePartition(SETTINGS, startAt(0), null);
const later = (e: OrderEvent, op: 'u' | 'd', version: number, atMs = T0 + version): OrderEvent => ({
  ...event({ ...e, op, version, atMs }),
  event_time: new Date(atMs).toISOString(),
  event_id: event().event_id,
});

test('an order is its newest version, whatever the order in which versions come', () => {
  const p = fresh();
  const created = event({ order_id: 'a', price: '10.50' });
  const versions = [created, later(created, 'u', 3), later(created, 'u', 2), created, later(created, 'u', 4)].map((e) =>
    say(p, e).map((x) => x.kind === 'order' && [x.change.event.version, x.change.revision]),
  );
  expect(versions).toEqual([[[1, 1]], [[3, 2]], [], [], [[4, 3]]]);
});

test('a delete wins over the version it repeats, an older one does not; a newer version brings the order back', () => {
  const p = fresh();
  const created = event({ order_id: 'a', price: '10.50' });
  const two = later(created, 'u', 2);
  say(p, created, two);
  expect(say(p, later(created, 'd', 1))).toEqual([]);
  const [gone] = say(p, later(created, 'd', 2, T0 + 9));
  expect(gone?.kind === 'order' && orderValueOf(gone.change)).toMatchObject({
    order_id: 'a',
    price: '10.5',
    version: 2,
    deleted_at: '2026-01-05T09:00:00.009Z',
  });
  expect(say(p, two, later(created, 'd', 2))).toEqual([]);
  const [back] = say(p, later(created, 'u', 3));
  expect(back?.kind === 'order' && orderValueOf(back.change).deleted_at).toBeNull();
});

test('an order whose creation this run has not seen does not say where it begins', () => {
  const begins = (effects: Effect[]): unknown =>
    effects.map((e) => e.kind === 'order' && orderEvidenceOf(e.change, 0).begins);
  const p = fresh();
  const created = event({ order_id: 'a' });
  expect(begins(say(p, later(created, 'u', 2), created, later(created, 'u', 3)))).toEqual([
    null,
    '2026-01-05T09:00:00.000Z',
  ]);
});

test('whatever memory is too small for comes back from disk unchanged, and no file is left to clean up', () => {
  const entry: fc.Arbitrary<OrderEntry> = fc.record({
    version: fc.maxSafeNat(),
    deleted: fc.boolean(),
    beginsMs: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 253402300799999 })),
    revision: fc.nat(2 ** 31),
  });
  const writes = fc.array(fc.tuple(fc.nat(300), entry), { minLength: 50, maxLength: 600, size: 'max' });
  fc.assert(
    fc.property(writes, (list) => {
      const spill = new SpillFile(folder, 'orders-0', 8); // so small that there are several tables
      const bounded = new BoundedOrders(spill, 5);
      const all = new Map<string, OrderEntry>();
      for (const [n, e] of list) {
        bounded.set(`o-${n}`, e);
        all.set(`o-${n}`, e);
      }
      expect(bounded.inMemory).toBeLessThanOrEqual(5);
      for (let n = 0; n <= 300; n++) expect(bounded.get(`o-${n}`)).toEqual(all.get(`o-${n}`));
      expect(readdirSync(folder)).toEqual([]);
      bounded.close();
    }),
    { numRuns: 50 },
  );
});

test('a fold with almost no memory says the same as one that forgets nothing', () => {
  const stream = fc.array(
    fc.record({ id: fc.nat(40), op: fc.constantFrom('c' as const, 'u' as const, 'd' as const), version: fc.nat(5) }),
    { minLength: 20, maxLength: 200, size: 'max' },
  );
  fc.assert(
    fc.property(stream, (steps) => {
      const bounded = new BoundedOrders(new SpillFile(folder, 'orders-1', 8), 2);
      const run = (memory: OrderMemory): unknown[] =>
        steps.map(({ id, op, version }, offset) => {
          const e = { ...event(), event_id: '', order_id: `o-${id}`, op, version };
          return foldOrder(memory, e, T0 + id, offset);
        });
      expect(run(bounded)).toEqual(run(new Map()));
      bounded.close();
    }),
    { numRuns: 50 },
  );
});

test('a hundred thousand orders beyond memory take microseconds each', () => {
  const bounded = new BoundedOrders(new SpillFile(folder, 'orders-2'), 1_000);
  const started = performance.now();
  for (let i = 0; i < 100_000; i++) {
    if (bounded.get(`o-${i}`) !== undefined) throw new Error('nobody wrote this order');
    bounded.set(`o-${i}`, { version: i, deleted: false, beginsMs: T0 + i, revision: 1 });
  }
  const eachUs = ((performance.now() - started) * 1_000) / 100_000;
  expect(bounded.get('o-7')).toEqual({ version: 7, deleted: false, beginsMs: T0 + 7, revision: 1 });
  expect(eachUs).toBeLessThan(200);
  bounded.close();
});
