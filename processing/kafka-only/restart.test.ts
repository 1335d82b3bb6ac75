import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { NOTHING_BEFORE, decodeBefore, encodeBefore, startPosition, type Before } from './position.js';
import { Run } from './run.js';
import type { SourceRecord } from './settings.js';
import { decodeSnapshot, encodeSnapshot, type PartitionSnapshot } from './snapshot.js';
import { SETTINGS, T0, event, record } from './testing.js';
import { windowKey, type AssignmentPayload, type OrderEvent, type ResultMessage } from './wire.js';

/** A life of the processor: it is killed after `reads` records; its last snapshot and commit happened somewhere before. */
interface Life {
  readonly reads: number;
  readonly snapshotAfter: number;
  readonly commitAfter: number;
  readonly tickEvery: number;
  /** Records the broker confirmed last before the kill: the rest of the outbox dies with the process. */
  readonly ackAfter: number;
}

interface World {
  committed: { offset: number; metadata: string };
  snapshot: string | null;
  readonly rows: Map<string, ResultMessage>;
  readonly flagged: Set<string>;
  readonly bounds: (AssignmentPayload | null)[];
}

const step = fc.record({
  symbol: fc.constantFrom('A', 'B'),
  order: fc.nat(400),
  advanceMs: fc.oneof(fc.nat(5_000), fc.nat(150_000)),
  lagMs: fc.oneof(fc.constant(0), fc.nat(9_000), fc.nat(90_000)),
  poison: fc.oneof(
    { weight: 20, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom('keyed', 'keyless') },
  ),
});
const fraction = fc.nat(100);
const life = fc.record({
  reads: fraction,
  snapshotAfter: fraction,
  commitAfter: fraction,
  tickEvery: fc.integer({ min: 1, max: 9 }),
  ackAfter: fraction,
});

function makeStream(steps: readonly Step[]): { records: SourceRecord[]; events: (OrderEvent | null)[] } {
  let nowMs = T0;
  const records: SourceRecord[] = [];
  const events: (OrderEvent | null)[] = [];
  steps.forEach((s, offset) => {
    nowMs += s.advanceMs;
    const e = event({ symbol: s.symbol, order_id: `o-${s.order}`, atMs: nowMs - s.lagMs });
    events.push(s.poison === null ? e : null);
    records.push(
      s.poison === null
        ? record(offset, e, null, nowMs)
        : record(offset, '{', s.poison === 'keyed' ? s.symbol : null, nowMs),
    );
  });
  return { records, events };
}
interface Step {
  readonly symbol: string;
  readonly order: number;
  readonly advanceMs: number;
  readonly lagMs: number;
  readonly poison: 'keyed' | 'keyless' | null;
}

/** What each window must be: the fold, said in the fewest words. */
function truth(events: readonly (OrderEvent | null)[]): Map<string, { events: number; digest: string }> {
  const windows = new Map<string, Map<string, bigint>>();
  for (const e of events) {
    if (e === null) continue;
    const ms = Date.parse(e.event_time);
    const key = windowKey(e.symbol, Math.floor(ms / SETTINGS.windowMs) * SETTINGS.windowMs);
    const orders = windows.get(key) ?? new Map<string, bigint>();
    if (!orders.has(e.order_id))
      orders.set(e.order_id, createHash('sha256').update(e.event_id).digest().readBigUInt64BE());
    windows.set(key, orders);
  }
  const sum = (orders: Map<string, bigint>): string =>
    String(
      BigInt.asUintN(
        64,
        [...orders.values()].reduce((a, b) => a + b, 0n),
      ),
    );
  return new Map([...windows].map(([key, orders]) => [key, { events: orders.size, digest: sum(orders) }]));
}

/** What ingest sees: rows, late drops, and the bound of each run. */
function receive(world: World, values: readonly string[]): void {
  for (const value of values) {
    const m = JSON.parse(value) as ResultMessage;
    if (m.kind === 'order_window') world.rows.set(m.business_key, m);
    if (m.kind === '_late_dropped') world.flagged.add(m.business_key);
    if (m.kind === '_assignment') world.bounds.push(m.calculated_value as unknown as AssignmentPayload);
  }
}

function live(world: World, records: readonly SourceRecord[], l: Life, last: boolean): void {
  const { offset, metadata } = world.committed;
  const start = startPosition({ partition: 0, committed: offset, metadata, low: 0, high: records.length });
  const kept = world.snapshot === null ? null : decodeSnapshot(world.snapshot, SETTINGS.sourceTopic, 0);
  const snapshots = new Map<number, PartitionSnapshot>(kept === null ? [] : [[0, kept]]);
  const run = new Run({ runId: 'r', settings: SETTINGS, resultPartitions: 1, starts: [start], snapshots, nowMs: T0 });
  const source = run.partitions.get(0);
  if (source === undefined) throw new Error('no partition');
  const ack = (): void => {
    receive(
      world,
      run.outbox.peek(Infinity).map((o) => o.value),
    );
    run.outbox.ack(run.outbox.size);
  };
  const end = last ? records.length : offset + Math.floor(((records.length - offset) * l.reads) / 100);
  const at = (percent: number): number => offset + Math.floor(((end - offset) * percent) / 100);
  let commit: { offset: number; before: Before } | null = null;
  for (let i = offset; i <= end; i++) {
    const nowMs = T0 + i * 400;
    if (i <= at(l.ackAfter)) ack();
    if (i === at(l.snapshotAfter))
      world.snapshot = encodeSnapshot(source, SETTINGS.sourceTopic, run.outbox.unackedWindows());
    if (i === at(l.commitAfter)) {
      ack(); // a commit waits for confirmation
      commit = { offset: source.position, before: source.before() };
    }
    const r = records[i];
    if (i < end && r !== undefined) run.onRecords(0, [r], nowMs);
    if (i % l.tickEvery === 0) run.tick(nowMs);
  }
  if (commit !== null) world.committed = { offset: commit.offset, metadata: encodeBefore(commit.before) };
  if (last) {
    run.flush(T0);
    ack();
  }
}

const mayHaveBegunBefore = (world: World, windowStart: string): boolean =>
  world.bounds.some(
    (b) =>
      b !== null && b.start_offset > 0 && (b.max_event_time_before === null || windowStart <= b.max_event_time_before),
  );
const world = (): World => ({
  committed: { offset: 0, metadata: encodeBefore(NOTHING_BEFORE) },
  snapshot: null,
  rows: new Map(),
  flagged: new Set(),
  bounds: [],
});

test('wherever it is killed, a window that ends up wrong is one that an assignment or a late drop gives away', () => {
  let wrong = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.array(life, { maxLength: 3 }), (steps, lives) => {
      const { records, events } = makeStream(steps);
      const calm = world();
      live(calm, records, { reads: 100, snapshotAfter: 0, commitAfter: 0, tickEvery: 1, ackAfter: 100 }, true);
      const w = world();
      lives.forEach((l) => live(w, records, l, false));
      live(w, records, { reads: 100, snapshotAfter: 0, commitAfter: 0, tickEvery: 3, ackAfter: 100 }, true);
      for (const [key, expected] of truth(events)) {
        const row = w.rows.get(key);
        const givenAway = w.flagged.has(key) || mayHaveBegunBefore(w, key.split('@')[1] ?? '');
        const right = row?.evidence?.events === expected.events && row.evidence.digest === expected.digest;
        if (!right) wrong++;
        expect([key, right || givenAway]).toEqual([key, true]);
        // An undecodable record that could belong to the window is not forgotten either.
        const lost = calm.rows.get(key)?.evidence?.lost !== undefined;
        expect([key, !lost || row?.evidence?.lost !== undefined || givenAway]).toEqual([key, true]);
      }
    }),
    { numRuns: 1_500 },
  );
  expect(wrong).toBeGreaterThan(50); // else nothing was ever at stake
});

test('without a crash every window equals the fold, or a late drop says why not', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const { records, events } = makeStream(steps);
      const w = world();
      live(w, records, { reads: 100, snapshotAfter: 0, commitAfter: 0, tickEvery: 1, ackAfter: 100 }, true);
      for (const [key, expected] of truth(events)) {
        if (w.flagged.has(key)) continue;
        expect([key, w.rows.get(key)?.evidence]).toMatchObject([key, expected]);
      }
    }),
  );
});

test('a graceful stop loses and recounts nothing but the order ids it remembered', () => {
  const { records, events } = makeStream([
    { symbol: 'A', order: 1, advanceMs: 0, lagMs: 0, poison: null },
    { symbol: 'A', order: 2, advanceMs: 0, lagMs: 0, poison: null },
    { symbol: 'A', order: 3, advanceMs: 0, lagMs: 0, poison: null },
  ]);
  const w = world();
  live(w, records.slice(0, 2), { reads: 100, snapshotAfter: 100, commitAfter: 100, tickEvery: 1, ackAfter: 100 }, true);
  live(w, records, { reads: 100, snapshotAfter: 100, commitAfter: 100, tickEvery: 1, ackAfter: 100 }, true);
  const [[key, expected] = ['', null]] = truth(events);
  expect(w.rows.get(key)?.evidence).toMatchObject({ ...expected, coverage: { 0: [0, 2] } });
  expect(w.bounds.at(-1)).toMatchObject({ start_offset: 2, max_event_time_before: '2026-01-05T09:00:00.000Z' });
});

test('metadata that is not ours, or of a commit outside the log, means unknown', () => {
  for (const text of [null, '', 'x', '{}', '{"v":2,"complete":true,"max_event_time":null,"poison_until":null}']) {
    expect(decodeBefore(text).complete).toBe(false);
  }
  const metadata = encodeBefore({ complete: true, maxEventTimeMs: T0, poisonUntilMs: null, poisonOffset: null });
  const found = { partition: 0, metadata, low: 10, high: 20 };
  expect(startPosition({ ...found, committed: 15 })).toMatchObject({
    startOffset: 15,
    before: { complete: true, maxEventTimeMs: T0 },
  });
  for (const committed of [-1, 9, 21]) {
    expect(startPosition({ ...found, committed })).toMatchObject({ startOffset: 10, before: { complete: false } });
  }
  expect(startPosition({ ...found, low: 0, committed: -1 })).toMatchObject({
    startOffset: 0,
    before: { complete: true },
  });
});
