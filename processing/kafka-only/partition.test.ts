import fc from 'fast-check';
import { SourcePartition, type Effect } from './partition.js';
import { SETTINGS, T0, event, record, startAt } from './testing.js';
import { causeOf, evidenceOf, keyOf, valueOf, type WindowState } from '../../fold/window.js';

const fresh = (): SourcePartition => new SourcePartition(SETTINGS, startAt(0), null);
const only = (p: SourcePartition): WindowState => [...p.windows.values()][0] as WindowState;
const END = T0 + SETTINGS.windowMs;
const onWindows = (effects: readonly Effect[]): Effect[] =>
  effects.filter((e) => e.kind !== 'order' && e.kind !== 'anomaly');
/** An event of another symbol that puts the watermark at exactly this time. */
const advance = (p: SourcePartition, watermarkMs: number): Effect[] =>
  onWindows(
    p.apply(record(p.position, event({ symbol: 'G999', op: 'u', atMs: watermarkMs + SETTINGS.watermarkDelayMs }))),
  );

test.each([
  [-1, 'IN_ORDER'],
  [0, 'LATE'],
])('an event is LATE iff its window ends at or before the watermark (watermark = end %+d ms)', (by, cause) => {
  const p = fresh();
  advance(p, END + by);
  p.apply(record(p.position, event()));
  expect(causeOf(only(p))).toBe(cause);
});

test('once late, every further emission of the window says so', () => {
  const p = fresh();
  p.apply(record(0, event()));
  advance(p, END);
  p.apply(record(p.position, event()));
  const finals = advance(p, END + SETTINGS.latenessMs);
  expect(finals.map((e) => e.kind === 'final' && causeOf(e.window))).toEqual(['LATE']);
});

test('a window is final once the watermark reaches its end plus lateness, not a millisecond earlier', () => {
  const p = fresh();
  p.apply(record(0, event()));
  expect(advance(p, END + SETTINGS.latenessMs - 1)).toEqual([]);
  expect(advance(p, END + SETTINGS.latenessMs).map((e) => e.kind)).toEqual(['final']);
  expect(p.windows.size).toBe(0);
});

test('an event for a closed window is late-dropped under the key of that window', () => {
  const p = fresh();
  advance(p, END + SETTINGS.latenessMs);
  const late = event();
  expect(onWindows(p.apply(record(p.position, late)))).toEqual([
    {
      kind: 'late_dropped',
      resultKind: 'order_window',
      key: 'G000@2026-01-05T09:00:00.000Z',
      event: late,
      offset: 1,
      watermarkMs: END + SETTINGS.latenessMs,
    },
  ]);
  expect(p.windows.size).toBe(0);
});

test('updates and deletes change no window, however late they are', () => {
  const p = fresh();
  p.apply(record(0, event({ order_id: 'a' })));
  const before = valueOf(only(p));
  p.apply(record(1, event({ order_id: 'b', op: 'u' })));
  p.apply(record(2, JSON.stringify({ op: 'd', before: event({ order_id: 'a' }), after: null })));
  expect(valueOf(only(p))).toEqual(before);
  advance(p, END + SETTINGS.latenessMs);
  expect(onWindows(p.apply(record(p.position, event({ op: 'u' }))))).toEqual([]);
});

test('per order id the lowest offset counts, whatever its version', () => {
  const p = fresh();
  p.apply(record(0, event({ order_id: 'a', price: '10', version: 3 })));
  p.apply(record(1, event({ order_id: 'a', price: '99', version: 4 })));
  expect(valueOf(only(p))).toMatchObject({ orders_total: 1, total_amount: '10' });
  expect(evidenceOf(only(p), 0)).toMatchObject({ events: 1, duplicates_dropped: 1, coverage: { 0: [0, 0] } });
});

test('a tombstone is skipped; a broken record becomes a dead letter and the partition moves on', () => {
  const p = fresh();
  expect(p.apply(record(0, null, 'G000'))).toEqual([]);
  expect(p.apply(record(1, '{', 'G000'))).toMatchObject([{ kind: 'dead_letter', reason: { code: 'BAD_JSON' } }]);
  p.apply(record(2, event()));
  expect(p.position).toBe(3);
  expect(valueOf(only(p)).orders_total).toBe(1);
});

test('a broken record with a key marks that symbol only, open windows and those opened later', () => {
  const p = fresh();
  p.apply(record(0, event({ symbol: 'A' })));
  p.apply(record(1, event({ symbol: 'B' })));
  p.dirty.clear();
  p.apply(record(2, '{', 'A'));
  p.apply(record(3, event({ symbol: 'A', atMs: T0 - 1 })));
  const lost = Object.fromEntries([...p.windows.values()].map((w) => [keyOf(w), w.lost]));
  expect(lost).toEqual({
    'A@2026-01-05T09:00:00.000Z': [2],
    'B@2026-01-05T09:00:00.000Z': [],
    'A@2026-01-05T08:55:00.000Z': [2],
  });
  expect([...p.dirty].map((w) => w.symbol)).toEqual(['A', 'A']); // marked windows are emitted again
});

test('a broken record without a key marks every open window of the partition', () => {
  const p = fresh();
  p.apply(record(0, event({ symbol: 'A' })));
  p.apply(record(1, event({ symbol: 'B' })));
  p.apply(record(2, '{'));
  expect([...p.windows.values()].map((w) => w.lost)).toEqual([[2], [2]]);
});

test.each([
  [0, [0]],
  [1, []],
])(
  'a broken record cannot belong to a window that begins more than a minute after it was appended (%i ms)',
  (by, lost) => {
    const p = fresh();
    p.apply(record(0, '{', 'G000', T0 - SETTINGS.poisonSkewMs - by));
    p.apply(record(1, event()));
    expect(only(p).lost).toEqual(lost);
  },
);

test('delivering any records again, in any amount, changes nothing', () => {
  const step = fc.record({ order: fc.nat(8), atMs: fc.integer({ min: -20_000, max: 20_000 }), again: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const once = fresh();
      const often = fresh();
      const seen: ReturnType<typeof record>[] = [];
      steps.forEach((s, offset) => {
        const r = record(offset, event({ order_id: `o-${s.order}`, atMs: T0 + s.atMs }));
        seen.push(r);
        once.apply(r);
        often.apply(r);
        for (const old of seen.slice(-s.again)) expect(often.apply(old)).toEqual([]);
      });
      const shape = (p: SourcePartition): unknown => [...p.windows.values()].map((w) => [valueOf(w), evidenceOf(w, 0)]);
      expect(shape(often)).toEqual(shape(once));
    }),
  );
});

test('sums, extremes and digest do not depend on the order of different orders', () => {
  const row = fc.record({
    price: fc.integer({ min: 0, max: 10 ** 7 }).map((n) => (n / 100).toFixed(2)),
    quantity: fc.integer({ min: 1, max: 900 }),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 20 }), (rows) => {
      const events = rows.map((r) => event(r));
      const folded = [events, [...events].reverse()].map((list) => {
        const p = fresh();
        list.forEach((e, offset) => p.apply(record(offset, e)));
        return [valueOf(only(p)), evidenceOf(only(p), 0)];
      });
      expect(folded[0]).toEqual(folded[1]);
    }),
  );
});
