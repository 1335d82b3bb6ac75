import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { SourceRecord } from '../../fold/settings.js';
import { SETTINGS, T0, event, record } from './testing.js';
import { ANOMALY_RULES, anomalyKey, windowKey, type OrderEvent } from './wire.js';

/** Streams that keep the domain's promises (wire/README.md), for the crash tests, and what must come of them. */
export interface Step {
  readonly symbol: string;
  /** `hold`: an update is sent before the creation, which comes with a later `again`, if at all. */
  readonly what: 'create' | 'hold' | 'again' | 'update' | 'delete';
  readonly pick: number;
  readonly version: number;
  readonly advanceMs: number;
  readonly lagMs: number;
  readonly quantity: number;
  readonly price: string;
  readonly poison: 'keyed' | 'keyless' | null;
}

export const step: fc.Arbitrary<Step> = fc.record({
  symbol: fc.constantFrom('A', 'A', 'A', 'B'),
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constant('create' as const) },
    { weight: 1, arbitrary: fc.constant('hold' as const) },
    { weight: 3, arbitrary: fc.constant('again' as const) },
    { weight: 4, arbitrary: fc.constant('update' as const) },
    { weight: 1, arbitrary: fc.constant('delete' as const) },
  ),
  pick: fc.nat(1_000),
  version: fc.integer({ min: 2, max: 5 }),
  advanceMs: fc.oneof(
    { weight: 4, arbitrary: fc.nat(2_000) },
    { weight: 2, arbitrary: fc.nat(5_000) },
    { weight: 1, arbitrary: fc.nat(150_000) },
  ),
  lagMs: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(9_000), fc.nat(90_000)),
  quantity: fc.constantFrom(1, 1, 501),
  price: fc.constantFrom('100', '104', '110', '116'),
  poison: fc.oneof(
    { weight: 25, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom('keyed', 'keyless') },
  ),
});

export interface Stream {
  readonly records: SourceRecord[];
  /** null where the record is undecodable. */
  readonly events: (OrderEvent | null)[];
}

export function makeStream(steps: readonly Step[]): Stream {
  let nowMs = T0;
  const orders: { readonly created: OrderEvent; readonly at: number }[] = [];
  const later = new Map<string, OrderEvent>();
  const laterOf = ({ created, at }: (typeof orders)[number], op: 'u' | 'd', version: number): OrderEvent => {
    const name = `${created.order_id}/${op}/${version}`;
    const { event_id: _, ...image } = created;
    const made = later.get(name) ?? event({ ...image, op, version, atMs: 0 });
    const again = { ...made, event_time: new Date(at + version * 7_000).toISOString() };
    later.set(name, again);
    return again;
  };
  const next = (s: Step): OrderEvent => {
    const known = orders[s.pick % Math.max(1, orders.length)];
    if (s.what === 'create' || s.what === 'hold' || known === undefined) {
      const { symbol, quantity, price } = s;
      const order = { created: event({ symbol, quantity, price, atMs: nowMs - s.lagMs }), at: nowMs - s.lagMs };
      orders.push(order);
      return s.what === 'hold' ? laterOf(order, 'u', s.version) : order.created;
    }
    return s.what === 'again' ? known.created : laterOf(known, s.what === 'delete' ? 'd' : 'u', s.version);
  };
  const stream: Stream = { records: [], events: [] };
  steps.forEach((s, offset) => {
    nowMs += s.advanceMs;
    const e = next(s);
    stream.events.push(s.poison === null ? e : null);
    const value = s.poison === null ? e : '{';
    stream.records.push(record(offset, value, s.poison === 'keyless' ? null : e.symbol, nowMs));
  });
  return stream;
}

const hash = (e: OrderEvent): bigint => createHash('sha256').update(e.event_id).digest().readBigUInt64BE();
const digest = (events: readonly OrderEvent[]): string =>
  String(
    BigInt.asUintN(
      64,
      events.reduce((sum, e) => sum + hash(e), 0n),
    ),
  );
const ms = (e: OrderEvent): number => Date.parse(e.event_time);

/** What one result must be: the fold, said in the fewest words. */
export interface Expected {
  readonly kind: string;
  readonly key: string;
  readonly symbol: string;
  readonly events: number;
  readonly digest: string;
  /** Event time of the oldest event that it is made of, or that its order has. */
  readonly sinceMs: number;
  readonly deleted: boolean;
}

export function truth({ events }: Stream): Map<string, Expected> {
  const expected = new Map<string, Expected>();
  const say = (kind: string, key: string, made: readonly OrderEvent[], sinceMs: number, deleted = false): void => {
    const symbol = made[0]?.symbol ?? '';
    expected.set(`${kind}/${key}`, { kind, key, symbol, events: made.length, digest: digest(made), sinceMs, deleted });
  };
  const windows = new Map<string, Map<string, OrderEvent>>();
  const created = new Map<string, OrderEvent>();
  const newest = new Map<string, OrderEvent>();
  for (const e of events) {
    if (e === null) continue;
    const before = newest.get(e.order_id);
    const newer = before === undefined || e.version > before.version;
    if (newer || (e.version === before.version && e.op === 'd' && before.op !== 'd')) newest.set(e.order_id, e);
    if (e.op !== 'c') continue;
    const key = windowKey(e.symbol, Math.floor(ms(e) / SETTINGS.windowMs) * SETTINGS.windowMs);
    const window = windows.get(key) ?? new Map<string, OrderEvent>();
    windows.set(key, window);
    if (!window.has(e.order_id)) window.set(e.order_id, e);
    if (!created.has(e.order_id)) created.set(e.order_id, e);
  }
  for (const [key, orders] of windows)
    say('order_window', key, [...orders.values()], Date.parse(key.split('@')[1] ?? ''));
  for (const [id, e] of newest) {
    const all = events.filter((x) => x?.order_id === id).map((x) => ms(x as OrderEvent));
    say('order', id, [e], Math.min(...all), e.op === 'd');
  }
  const list = [...created.values()];
  list.forEach((e, i) => {
    const before = list.slice(0, i).filter((x) => x.symbol === e.symbol);
    const near = before.filter((x) => ms(x) <= ms(e) && ms(x) >= ms(e) - SETTINGS.rapidWindowMs);
    const previous = before.at(-1);
    const [large, , spike, rapid] = ANOMALY_RULES;
    const found = (rule: (typeof ANOMALY_RULES)[number], made: OrderEvent[]): void =>
      say('anomaly', anomalyKey(rule, e.order_id), made, Math.min(...made.map(ms)));
    if (e.quantity > SETTINGS.largeOrderQuantity) found(large, [e]);
    if (previous && Math.abs(Number(e.price) / Number(previous.price) - 1) >= 0.05) found(spike, [e, previous]);
    if (near.length >= SETTINGS.rapidOrders) found(rapid, [e, ...near]);
  });
  return expected;
}
