import { expiredKindOf } from '../position/expiry.js';
import { capOf, decide, lower } from './decide.js';
import { decidedBy } from './decided.js';
import { evolve } from './evolve.js';
import { observe } from './observe.js';
import { NO_FACTS, type Incoming, type IncomingResult, type PipelineFacts, type ResultState } from './state.js';
import { AT, incoming, owning, stamp, state } from './test-support/records.js';

describe('one record against the table', () => {
  test('in order: stored, provisional', () => {
    const record = incoming();
    expect(decide(record, null, owning('a'))).toEqual({
      action: 'upsert',
      row: {
        ...record.state,
        cap: 'EVENTUALLY_CONSISTENT',
        reasons: ['NO_CHECKPOINT'],
        stale: false,
        decided: decidedBy(observe(record, null, owning('a')), []),
      },
      reprocess: [],
    });
  });

  test.each<[string, IncomingResult, ResultState | null, PipelineFacts, readonly string[]]>([
    [
      'another run touched the key',
      incoming({ stamp: stamp('b', 2) }),
      state({ cap: 'EVENTUALLY_CONSISTENT' }),
      owning('b'),
      ['NO_CHECKPOINT', 'RESTART_DUPLICATION'],
    ],
    [
      'the window is as old as the newest event before the run',
      incoming(),
      null,
      owning('a', 10, '2026-01-05T09:00:00.000Z'),
      ['NO_CHECKPOINT', 'RESTART_DUPLICATION'],
    ],
    [
      'what precedes the run is unknown',
      incoming(),
      null,
      owning('a', 10, null),
      ['NO_CHECKPOINT', 'RESTART_DUPLICATION'],
    ],
    [
      'the kind does not say when it begins',
      incoming({ begins: null }),
      null,
      owning('a', 10, '2026-01-01T00:00:00.000Z'),
      ['NO_CHECKPOINT', 'RESTART_DUPLICATION'],
    ],
    ['nobody said where the run began', incoming(), null, NO_FACTS, ['NO_CHECKPOINT', 'EVIDENCE_MISSING_assignment']],
    [
      'no coverage',
      incoming({}, { coverage: null }),
      null,
      owning('a'),
      ['NO_CHECKPOINT', 'EVIDENCE_MISSING_coverage'],
    ],
    [
      'an undecodable record could belong to it',
      incoming({ lost: true }),
      null,
      owning('a'),
      ['NO_CHECKPOINT', 'VIOLATION_DEAD_LETTER'],
    ],
    [
      'output was lost before it',
      incoming(),
      null,
      { ...owning('a'), gaps: { 'a/0': 2 } },
      ['NO_CHECKPOINT', 'VIOLATION_OUTPUT_GAP'],
    ],
    [
      'the key moved',
      incoming({}, { coverage: { '1': [0, 9] } }),
      state(),
      { ...owning('a'), assignments: { '1': { run: 'a', startOffset: 0, maxEventTimeBefore: null } } },
      ['NO_CHECKPOINT', 'VIOLATION_SOURCE_KEY_MOVED'],
    ],
  ])('LOW: %s', (_, record, stored, facts, reasons) => {
    const decision = decide(record, stored, facts);
    expect(decision).toMatchObject({ action: 'upsert', row: { cap: 'LOW', reasons, stale: false } });
  });

  test('a window one millisecond newer than everything before the run is not suspected', () => {
    const facts = owning('a', 10, '2026-01-05T08:59:59.999Z');
    expect(decide(incoming(), null, facts)).toMatchObject({
      action: 'upsert',
      row: { cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] },
    });
  });

  test('the same again is stable; the closing emission of the same value is not', () => {
    expect(decide(incoming(), state(), owning('a'))).toMatchObject({ action: 'stable', row: null });
    expect(decide(incoming({}, { final: true }), state(), owning('a'))).toMatchObject({
      action: 'upsert',
      row: { final: true },
    });
  });

  test('the same coverage with another value is refused, and the stored row is LOW', () => {
    const decision = decide(
      incoming({}, { calculatedValue: { orders_total: 2 } }),
      state({ cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] }),
      owning('a'),
    );
    expect(decision).toMatchObject({
      action: 'refuse',
      reason: 'VIOLATION_VALUE_CONFLICT',
      row: { calculatedValue: { orders_total: 1 }, cap: 'LOW', reasons: ['NO_CHECKPOINT', 'VIOLATION_VALUE_CONFLICT'] },
      reprocess: ['VIOLATION_VALUE_CONFLICT'],
    });
  });

  test("an older run's straggler is refused and changes nothing", () => {
    expect(decide(incoming(), state(), owning('b'))).toEqual({
      action: 'refuse',
      reason: 'RUN_SUPERSEDED',
      row: null,
      reprocess: [],
    });
  });

  test('a key whose earlier result may have expired starts anew as LOW, and stays it', () => {
    const kinds = new Map([[expiredKindOf(state()), { until: '2026-01-05T09:00:00.000Z' }]]);
    const record = incoming({ begins: '2026-01-05T09:00:00.000Z' });
    const first = decide(record, null, owning('a'), { kinds });
    expect(first).toMatchObject({
      action: 'upsert',
      row: { cap: 'LOW', reasons: ['NO_CHECKPOINT', 'RESULT_EXPIRED'] },
    });
    const row = (first as { row: ResultState }).row;
    const next = incoming({ stamp: stamp('a', 3) }, { coverage: { '0': [0, 6] } });
    expect(decide(next, row, owning('a'), { kinds })).toMatchObject({ row: { cap: 'LOW', reasons: row.reasons } });
    // All its events are later than anything that has expired, or its earlier row is still known: nothing is forgotten.
    const later = incoming({ begins: '2026-01-05T09:00:00.001Z' });
    for (const decision of [
      decide(later, null, owning('a'), { kinds }),
      decide(incoming({}, { coverage: { '0': [0, 6] } }), state(), owning('a'), { kinds }),
    ]) {
      expect(decision).toMatchObject({ action: 'upsert', row: { reasons: ['NO_CHECKPOINT'] } });
    }
  });

  test('no rule, no trust: an engine that the table does not know yet is LOW', () => {
    const record = incoming({}, { engine: 'SPARK' as 'FLINK' });
    expect(decide(record, null, owning('a'))).toMatchObject({ action: 'upsert', row: { cap: 'LOW', reasons: [] } });
  });
});

describe('reasons', () => {
  test('a reason that nobody knows lowers to LOW', () => {
    expect(capOf(['NO_CHECKPOINT', 'SOMETHING_NEW'])).toBe('LOW');
    expect(
      lower(state({ cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] }), 'VIOLATION_OUTPUT_GAP'),
    ).toMatchObject({ cap: 'LOW' });
  });
});

describe('facts', () => {
  const assignment = (run: string, seq: number, sourcePartition = '0'): Incoming => ({
    type: 'assignment',
    stamp: stamp(run, seq),
    sourcePartition,
    startOffset: 7,
    maxEventTimeBefore: null,
  });

  test('sequence numbers from 1 are no gap; a jump is, and stays one', () => {
    const first = evolve(NO_FACTS, assignment('a', 1), AT);
    const second = evolve(first, { type: 'other', stamp: stamp('a', 2) }, AT);
    expect(second).toMatchObject({ lastSeq: { 'a/0': 2 }, gaps: {} });
    const jumped = evolve(second, { type: 'other', stamp: stamp('a', 4) }, AT);
    expect(jumped.gaps).toEqual({ 'a/0': 4 });
    expect(evolve(jumped, { type: 'other', stamp: stamp('a', 9) }, AT).gaps).toEqual({ 'a/0': 4 });
    expect(evolve(NO_FACTS, { type: 'other', stamp: stamp('a', 2) }, AT).gaps).toEqual({ 'a/0': 2 });
  });

  test('an assignment moves its source partition to the new run, and no other', () => {
    const both = evolve(evolve(NO_FACTS, assignment('a', 1, '0'), AT), assignment('a', 2, '1'), AT);
    const { assignments } = evolve(both, assignment('b', 1, '1'), AT);
    expect(Object.entries(assignments).map(([p, { run }]) => [p, run])).toEqual([
      ['0', 'a'],
      ['1', 'b'],
    ]);
  });

  test('runs that own nothing are forgotten in the end, owners never', () => {
    let facts = evolve(NO_FACTS, assignment('owner', 1, '9'), AT);
    for (let n = 0; n < 100; n += 1) facts = evolve(facts, assignment(`run-${n}`, 1), AT);
    expect(Object.keys(facts.lastSeq)).toHaveLength(18);
    expect(facts.lastSeq).toMatchObject({ 'owner/0': 1, 'run-99/0': 1 });
  });
});
