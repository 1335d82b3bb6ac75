import fc from 'fast-check';
import type { LogRecord } from '../log/port.js';
import { History } from '../stores/conformance.data.js';
import type { Applied, Change } from '../stores/port.js';
import { advance, type Progress } from './advance.js';
import { recordsOf } from './test-support/records.js';

const none: ReadonlySet<string> = new Set();

const logOf = (...values: readonly (Buffer | null)[]): LogRecord[] =>
  values.map((value, index) => ({ offset: BigInt(index), key: null, value, timestampMs: 0 }));

const start = (history = new History()): Progress => ({ applied: { ...history.now(), resumeOffset: 0n }, tail: null });

function changes(history: History, sizes: readonly number[]): Change[] {
  return sizes.map((size) =>
    history.commit(...Array.from({ length: size }, (_, index) => ({ businessKey: `k${index}` }))),
  );
}

const stopOf = (...values: readonly Buffer[]) => advance(start(), logOf(...values), none).stop;

test('a tombstone and a record that is known already move only the offset', () => {
  const history = new History();
  const [first] = changes(history, [1]) as [Change];
  const once = advance(start(), logOf(...recordsOf(first)), none);
  expect(once).toMatchObject({
    changes: [first],
    stop: null,
    progress: { applied: { position: 1n, resumeOffset: 1n } },
  });
  const again = advance(once.progress, logOf(...recordsOf(first), null, ...recordsOf(first)), none);
  expect(again).toMatchObject({ changes: [], stop: null, progress: { applied: { position: 1n, resumeOffset: 3n } } });
});

test('a missing position, a missing part, another nonce and another number of parts are gaps', () => {
  const history = new History();
  const [one, two, three] = changes(history, [3, 1, 1]) as [Change, Change, Change];
  const parts = recordsOf(one, 1) as [Buffer, Buffer, Buffer];
  const forged = { ...one, nonce: 'forged' };
  expect(stopOf(...recordsOf(two))).toMatchObject({ kind: 'gap' });
  expect(stopOf(...recordsOf(one), ...recordsOf(three))).toMatchObject({ kind: 'gap' });
  expect(stopOf(parts[1])).toMatchObject({ kind: 'gap' });
  expect(stopOf(parts[0], parts[2])).toMatchObject({ kind: 'gap' });
  expect(stopOf(parts[0], ...recordsOf(two))).toMatchObject({ kind: 'gap' });
  expect(stopOf(parts[0], recordsOf(forged, 1)[1] as Buffer)).toMatchObject({ kind: 'gap' });
  expect(stopOf(parts[0], recordsOf(one, 2)[1] as Buffer)).toMatchObject({ kind: 'gap' });
  expect(stopOf(...recordsOf(one), ...recordsOf({ ...two, predecessor: 'forged' }))).toMatchObject({ kind: 'gap' });
  expect(stopOf(...recordsOf(one), ...recordsOf(forged))).toMatchObject({ kind: 'gap' });
});

test('what comes before an unreadable record or a gap is still taken', () => {
  const history = new History();
  const [one, , three] = changes(history, [1, 1, 1]) as [Change, Change, Change];
  for (const bad of [Buffer.from('{'), ...recordsOf(three)]) {
    const result = advance(start(), logOf(...recordsOf(one), bad), none);
    expect(result).toMatchObject({ changes: [one], progress: { applied: { position: 1n, resumeOffset: 1n } } });
    expect(result.stop).not.toBeNull();
  }
});

test('another incarnation stops, unless it is known to be over', () => {
  const history = new History();
  const [one] = changes(history, [1]) as [Change];
  const [foreign] = changes(new History('incarnation-0', 7), [1]) as [Change];
  const log = logOf(...recordsOf(foreign), ...recordsOf(one));
  expect(advance(start(), log, none)).toMatchObject({
    changes: [],
    stop: { kind: 'foreign', incarnation: 'incarnation-0' },
  });
  expect(advance(start(), log, new Set(['incarnation-0']))).toMatchObject({ changes: [one], stop: null });
});

/** An at-least-once log: the producer begins again at an earlier record now and then. */
const deliveries = fc.record({
  sizes: fc.array(fc.nat(5), { minLength: 1, maxLength: 8 }),
  perPart: fc.integer({ min: 1, max: 3 }),
  repeats: fc.array(fc.record({ at: fc.nat(20), back: fc.nat(6) }), { maxLength: 4 }),
  batches: fc.array(fc.record({ size: fc.integer({ min: 1, max: 6 }), crash: fc.boolean() }), {
    minLength: 60,
    maxLength: 60,
  }),
});

function repeated(records: readonly Buffer[], repeats: readonly { at: number; back: number }[]): Buffer[] {
  const log: Buffer[] = [];
  for (const [index, record] of records.entries()) {
    log.push(record);
    for (const { at, back } of repeats)
      if (at === index) log.push(...records.slice(Math.max(0, index - back), index + 1));
  }
  return log;
}

test('however the log is cut, repeated and resumed, each change is taken exactly once, in order and whole', () => {
  fc.assert(
    fc.property(deliveries, ({ sizes, perPart, repeats, batches }) => {
      const history = new History();
      const written = changes(history, sizes);
      const log = logOf(
        ...repeated(
          written.flatMap((change) => recordsOf(change, perPart)),
          repeats,
        ),
      );
      const taken: Change[] = [];
      let progress = start();
      let offset = 0n;
      let crashes = 0;
      for (let turn = 0; offset < log.length; turn += 1) {
        const { size, crash } = batches[turn % batches.length] ?? { size: 1, crash: false };
        const records = log.filter((record) => record.offset >= offset).slice(0, size);
        const result = advance(progress, records, none);
        expect(result.stop).toBeNull();
        taken.push(...result.changes);
        progress = result.progress;
        offset += BigInt(records.length);
        if (!crash || crashes > 10) continue;
        // What survives is what the store holds.
        crashes += 1;
        progress = { applied: progress.applied, tail: null };
        offset = progress.applied.resumeOffset;
      }
      expect(taken).toEqual(written);
      const reached: Applied = history.now();
      expect(progress).toMatchObject({ applied: { position: reached.position, nonce: reached.nonce }, tail: null });
    }),
  );
});
