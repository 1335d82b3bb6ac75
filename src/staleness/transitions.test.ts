import fc from 'fast-check';
import { keyOf } from '../position/commit-log.js';
import { CONFIDENCE_LEVELS } from '../words.js';
import {
  eventsOf,
  eventsOfRow,
  eventsOfRuns,
  type Batch,
  type BatchRecord,
  type JudgedRow,
  type RunTransition,
} from './transitions.js';

const row = (over: Partial<JudgedRow> = {}): JudgedRow => ({
  kind: 'order_window',
  businessKey: 'A@1',
  engine: 'KAFKA_ONLY',
  calculatedValue: { symbol: 'A' },
  cap: 'EVENTUALLY_CONSISTENT',
  reasons: ['NO_CHECKPOINT'],
  pipeline: 'p',
  run: 'r1',
  ...over,
});
const types = (events: readonly { readonly type: string }[]): string[] => events.map(({ type }) => type);

test('a row that keeps its level and its reasons is no news, whatever its value; nor is a new one', () => {
  expect(eventsOfRow({ before: row(), after: row({ calculatedValue: { symbol: 'A', x: 1 } }), late: false })).toEqual(
    [],
  );
  expect(eventsOfRow({ before: null, after: row({ cap: 'LOW' }), late: false })).toEqual([]);
});

test('a violation that lowers is both, with the reasons that came; what was held before is not told again', () => {
  const low = row({ cap: 'LOW', reasons: ['NO_CHECKPOINT', 'VIOLATION_OUTPUT_GAP'] });
  const events = eventsOfRow({ before: row(), after: low, late: false });
  expect(events.map(({ type, reasons, levelBefore, levelAfter }) => [type, reasons, levelBefore, levelAfter])).toEqual([
    ['VIOLATION', ['VIOLATION_OUTPUT_GAP'], 'EVENTUALLY_CONSISTENT', 'LOW'],
    ['CONFIDENCE_LOWERED', ['VIOLATION_OUTPUT_GAP'], 'EVENTUALLY_CONSISTENT', 'LOW'],
  ]);
  expect(eventsOfRow({ before: low, after: low, late: false })).toEqual([]);
  expect(types(eventsOfRow({ before: low, after: row({ cap: 'HIGH', reasons: [] }), late: false }))).toEqual([
    'CONFIDENCE_RAISED',
  ]);
});

test('an absence that something is held against is a violation of its key', () => {
  const absent = row({ calculatedValue: {}, cap: 'LOW', reasons: ['VIOLATION_LATE_DROPPED'] });
  expect(eventsOfRow({ before: null, after: absent, late: false })).toMatchObject([
    { type: 'VIOLATION', symbol: null },
  ]);
});

test('a run starts once, and not when it says again what it owns', () => {
  const run = { pipeline: 'p', run: 'r2', engine: 'KAFKA_ONLY' } as const;
  const from = (sourcePartition: string): RunTransition['from'] => ({ sourcePartition, startOffset: 5 });
  const events = eventsOfRuns([
    { ...run, from: from('0'), takenFrom: 'r1' },
    { ...run, from: from('1'), takenFrom: null },
    { ...run, run: 'r1', from: from('2'), takenFrom: 'r1' },
  ]);
  expect(events).toMatchObject([{ type: 'RUN_STARTED', run: 'r2' }]);
});

test('a batch tells of late records that were taken in, not of those that were refused', () => {
  const stamp = { pipeline: 'p', run: 'r1' };
  const late = (businessKey: string): BatchRecord => ({
    type: 'result',
    stamp,
    arrival: 'LATE',
    state: row({ businessKey }),
  });
  const [taken, refused] = [late('A@1'), late('B@1')];
  const batch: Batch = {
    engine: 'KAFKA_ONLY',
    records: [taken, refused, { type: 'heartbeat', stamp }],
    before: { rows: new Map([[keyOf(row()), row()]]), facts: new Map() },
    after: new Map([row(), row({ businessKey: 'B@1', cap: 'LOW' })].map((after) => [keyOf(after), { row: after }])),
    refused: [{ record: refused }],
  };
  expect(eventsOf(batch).map(({ type, businessKey }) => [type, businessKey])).toEqual([['LATE_UPDATE', 'A@1']]);
});

const level = fc.constantFrom(...CONFIDENCE_LEVELS);
const reasons = fc.uniqueArray(fc.constantFrom('NO_CHECKPOINT', 'LATE_UPDATE', 'VIOLATION_A', 'VIOLATION_B'));
test('of each type at most one event per row, the levels in it are the row’s, and back and forth cancels out', () => {
  fc.assert(
    fc.property(fc.record({ cap: level, reasons }), fc.record({ cap: level, reasons }), fc.boolean(), (a, b, late) => {
      const events = eventsOfRow({ before: row(a), after: row(b), late });
      expect(new Set(types(events)).size).toBe(events.length);
      for (const event of events) expect([event.levelBefore, event.levelAfter]).toEqual([a.cap, b.cap]);
      const moved = (list: readonly { readonly type: string }[]): string[] =>
        types(list).filter((type) => type.startsWith('CONFIDENCE_'));
      const back = moved(eventsOfRow({ before: row(b), after: row(a), late: false }));
      expect(moved(events).length).toBe(a.cap === b.cap ? 0 : 1);
      expect(new Set([...moved(events), ...back]).size).toBe(a.cap === b.cap ? 0 : 2);
    }),
  );
});
