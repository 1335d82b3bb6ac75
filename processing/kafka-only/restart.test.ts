import fc from 'fast-check';
import { decodeBefore, encodeBefore, startPosition } from './position.js';
import { SETTINGS, T0 } from './testing.js';
import { makeStream, step, truth, type Expected, type Step, type Stream } from './testing-stream.js';
import { CALM, isLow, live, mayHaveBegunBefore, newWorld, type Life, type World } from './testing-world.js';

const fraction = fc.nat(100);
const life: fc.Arbitrary<Life> = fc.record({
  reads: fraction,
  snapshotAfter: fraction,
  commitAfter: fraction,
  tickEvery: fc.integer({ min: 1, max: 9 }),
  ackAfter: fraction,
  loses: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
const steps = fc.array(step, { minLength: 1, maxLength: 50, size: 'max' });

const isRight = (world: World, id: string, expected: Expected): boolean => {
  const message = world.rows.get(id)?.message;
  const { events, digest } = message?.evidence ?? {};
  const deleted = message?.op === 'delete';
  return events === expected.events && digest === expected.digest && deleted === expected.deleted;
};

/** Whether an undecodable record could be an event that the stored row lacks: said by the stream, not by the processor. */
function couldLack({ records, events }: Stream, world: World, id: string, { symbol, sinceMs }: Expected): boolean {
  const [first = 0, last = 0] = world.rows.get(id)?.message.evidence?.coverage?.['0'] ?? [];
  return records.some(
    ({ key, appendTimeMs }, offset) =>
      events[offset] === null &&
      (key === null || key === symbol) &&
      offset < last &&
      (offset > first || sinceMs <= appendTimeMs + SETTINGS.poisonSkewMs),
  );
}

test('wherever it is killed, what ends up wrong of any kind is given away', () => {
  const wrong: Record<string, number> = { order_window: 0, order: 0, anomaly: 0, missing: 0, invented: 0, lacking: 0 };
  const note = (what: string): void => void (wrong[what] = (wrong[what] ?? 0) + 1);
  fc.assert(
    fc.property(steps, fc.array(life, { maxLength: 3 }), (some, lives) => {
      const stream = makeStream(some);
      const { records } = stream;
      const calm = newWorld();
      live(calm, records, CALM, true);
      const w = newWorld();
      lives.forEach((l) => live(w, records, l, false));
      live(w, records, { ...CALM, tickEvery: 3 }, true);
      const expected = truth(stream);
      for (const [id, e] of expected) {
        const right = isRight(w, id, e);
        if (!right) note(w.rows.has(id) ? e.kind : 'missing');
        // What is not there, or a window, is given away by where a run began, or by an event that it dropped.
        const begins = new Date(e.sinceMs).toISOString();
        const absent = e.kind === 'order_window' || (e.kind === 'anomaly' && !w.rows.has(id));
        const givenAway = isLow(w, id) || w.flagged.has(id) || (absent && mayHaveBegunBefore(w, begins));
        expect([id, right || givenAway]).toEqual([id, true]);
        // An undecodable record that could belong to it is not forgotten either.
        const lacks = w.rows.has(id) && e.kind !== 'order_window' && couldLack(stream, w, id, e);
        if (lacks) note('lacking');
        const lost = lacks || calm.rows.get(id)?.message.evidence?.lost !== undefined;
        const said = w.rows.get(id)?.message.evidence?.lost !== undefined || givenAway;
        expect([id, !lost || said]).toEqual([id, true]);
      }
      for (const id of [...w.rows.keys()].filter((key) => !expected.has(key))) {
        note('invented');
        expect([id, isLow(w, id)]).toEqual([id, true]);
      }
    }),
    { numRuns: 500 },
  );
  // Else nothing was ever at stake.
  for (const [what, count] of Object.entries(wrong)) expect([what, count > 20]).toEqual([what, true]);
}, 60_000);

test('without a crash every result equals the fold, or a late drop says why not; nothing else is there', () => {
  fc.assert(
    fc.property(steps, (some) => {
      const stream = makeStream(some);
      const w = newWorld();
      live(w, stream.records, CALM, true);
      const expected = truth(stream);
      expect([...w.rows.keys()].filter((id) => !expected.has(id))).toEqual([]);
      for (const [id, e] of expected) {
        if (w.flagged.has(id)) continue;
        expect([id, isRight(w, id, e)]).toEqual([id, true]);
        const { evidence, final } = w.rows.get(id)?.message ?? {};
        if (e.kind !== 'order_window') expect(Date.parse(evidence?.begins ?? '1970')).toBeLessThanOrEqual(e.sinceMs);
        expect(final).toBe(e.kind === 'anomaly' || (e.kind === 'order_window' && final));
      }
    }),
    { numRuns: 300 },
  );
});

test('a graceful stop loses and recounts nothing but the order ids it remembered', () => {
  const one: Step = {
    ...{ symbol: 'A', what: 'create', pick: 0, version: 2, advanceMs: 0, lagMs: 0 },
    ...{ quantity: 1, price: '100', poison: null },
  };
  const stream = makeStream([one, one, one]);
  const w = newWorld();
  const graceful = { ...CALM, snapshotAfter: 100, commitAfter: 100 };
  live(w, stream.records.slice(0, 2), graceful, true);
  live(w, stream.records, graceful, true);
  const [window] = [...truth(stream).values()].filter((e) => e.kind === 'order_window');
  const { events, digest } = window ?? {};
  expect(w.rows.get(`order_window/${window?.key}`)?.message.evidence).toMatchObject({
    events,
    digest,
    coverage: { 0: [0, 2] },
  });
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
