import fc from 'fast-check';
import { micros, position, type Position } from '../position/position.js';
import { atLeast, CONFIDENCE_LEVELS } from '../words.js';
import { assess, stalenessMs, type Assessment, type AssessedRow } from './assess.js';

const NOW = micros(100_000_000);
const proof = { position: position(50), committedAt: micros(99_900_000), incarnation: 'i', floor: position(10) };
const pipeline = {
  state: 'RUNNING' as const,
  lastHeartbeatAt: micros(99_000_000),
  lastCheckpointTime: null,
  sourceAsOf: null,
  owners: {},
  gapRuns: [],
  resumed: false,
  lossOffset: null,
  checkpoints: {
    run: 'a',
    lineage: [],
    completed: null,
    progress: {},
    provenAt: micros(99_000_000),
    intervalMs: 1_000,
  },
};
const bounds = { pipelineSilentMs: 10_000, staleMs: 5_000 };
const row = (over: Partial<AssessedRow> = {}): AssessedRow => ({
  kind: 'k',
  businessKey: 'b',
  engine: 'FLINK',
  cap: 'HIGH',
  reasons: [],
  final: true,
  stale: false,
  lastCheckpointTime: null,
  run: 'a',
  epoch: 1,
  resultOffset: 0,
  verified: false,
  coverage: { '0': [1, 2] },
  position: position(40),
  ...over,
});
const applied = (
  at: number,
  committedAt = 99_000_000,
): { position: Position; incarnation: string; committedAt: typeof NOW } => ({
  position: position(at),
  incarnation: 'i',
  committedAt: micros(committedAt),
});
const ask = (over: Partial<Assessment> = {}): ReturnType<typeof assess> =>
  assess({
    store: 'MONGODB',
    scope: 'EVENTUAL',
    deadLetter: false,
    engine: 'FLINK',
    row: row(),
    pipeline,
    proof,
    pending: null,
    applied: applied(50),
    lastCdcSync: null,
    now: NOW,
    bounds,
    ...over,
  });
const change = (
  at: number,
  cap: 'HIGH' | 'LOW' = 'HIGH',
  reasons: string[] = [],
): NonNullable<Assessment['pending']> => ({ position: position(at), cap, reasons });

describe('what an answer shows at least, and what could be better', () => {
  const said = (over: Partial<Assessment>) => {
    const { reflects, currentAt, potential } = ask(over);
    return [reflects === null ? null : Number(reflects.position), currentAt, potential];
  };

  test.each<[string, Partial<Assessment>, unknown[]]>([
    [
      'behind: what is applied, until the pending change is',
      { pending: change(45), applied: applied(42) },
      [42, 45n, 'HIGH'],
    ],
    [
      'behind: no more than the pending change allows',
      { pending: change(45, 'LOW'), applied: applied(42) },
      [42, 45n, 'LOW'],
    ],
    ['behind, but the row itself is newer', { pending: change(45), applied: applied(30) }, [40, 45n, 'HIGH']],
    ['without a proof: what is applied', { proof: null, applied: applied(42) }, [42, null, 'HIGH']],
    ['a store that can’t say how far it is', { applied: 'unknown' }, [null, null, 'HIGH']],
    ['Postgres: the proof', { applied: null }, [50, null, 'HIGH']],
  ])('%s', (_, over, expected) => {
    expect(said(over)).toEqual(expected);
  });
});

describe('what an answer may claim', () => {
  test('a row proven current keeps its own level, as of the proven position', () => {
    expect(ask()).toEqual({
      confidenceLevel: 'HIGH',
      consistencyScope: 'EVENTUAL',
      processingEngine: 'FLINK',
      lastCheckpointTime: null,
      lastCdcSync: null,
      asOf: proof.committedAt,
      sourceAsOf: null,
      stale: false,
      reasons: [],
      servedBy: 'MONGODB',
      position: 40n,
      provenAt: 50n,
      reflects: { incarnation: proof.incarnation, position: 50n },
      currentAt: null,
      potential: 'HIGH',
    });
  });

  test.each<[string, Partial<Assessment>, string, string[], boolean]>([
    ['its last change is applied', { pending: change(40), applied: applied(40) }, 'HIGH', [], true],
    [
      'its last change is one position further',
      { pending: change(41), applied: applied(40) },
      'EVENTUALLY_CONSISTENT',
      ['STORE_BEHIND'],
      false,
    ],
    [
      'the pending change is LOW',
      { pending: change(41, 'LOW', ['X']), applied: applied(40) },
      'LOW',
      ['STORE_BEHIND', 'X'],
      false,
    ],
    ['the store stands at the floor', { applied: applied(10) }, 'HIGH', [], true],
    ['the store stands below the floor', { applied: applied(9) }, 'EVENTUALLY_CONSISTENT', ['POSITION_UNKNOWN'], false],
    [
      'the store is of another incarnation',
      { applied: { ...applied(50), incarnation: 'j' } },
      'EVENTUALLY_CONSISTENT',
      ['POSITION_UNKNOWN'],
      false,
    ],
    ['the store can not say', { applied: 'unknown' }, 'EVENTUALLY_CONSISTENT', ['POSITION_UNKNOWN'], false],
    ['there is no proof', { proof: null }, 'EVENTUALLY_CONSISTENT', ['PROOF_UNAVAILABLE'], false],
    [
      'the row runs ahead of the proof',
      { row: row({ position: position(51) }), applied: applied(60) },
      'EVENTUALLY_CONSISTENT',
      ['POSITION_UNKNOWN'],
      false,
    ],
    [
      'Postgres, read after the proof',
      { store: 'POSTGRES', applied: null, pending: change(60, 'LOW') },
      'HIGH',
      [],
      true,
    ],
  ])('%s', (_, over, level, reasons, proven) => {
    const contract = ask(over);
    expect([contract.confidenceLevel, contract.reasons, contract.provenAt !== null]).toEqual([level, reasons, proven]);
  });

  test('an answer that is not proven is as old as the store, one that nobody can date has no age', () => {
    expect(ask({ pending: change(41), applied: applied(40) }).asOf).toBe(99_000_000);
    expect(ask({ applied: 'unknown' }).asOf).toBeNull();
    expect(ask({ proof: null }).asOf).toBe(99_000_000);
  });

  test('stale begins one microsecond beyond the bound of the store, and only for what is not proven', () => {
    const at = (age: number): boolean => ask({ pending: change(41), applied: applied(40, NOW - age) }).stale;
    expect([at(5_000_000), at(5_000_001)]).toEqual([false, true]);
    expect(
      ask({ now: micros(200_000_000), pipeline: { ...pipeline, lastHeartbeatAt: micros(200_000_000) } }).stale,
    ).toBe(false);
    expect(ask({ row: row({ stale: true }) }).stale).toBe(true);
  });

  test('silence lowers open results one microsecond beyond the bound, final ones never', () => {
    const at = (silentUs: number, final: boolean): string[] => {
      const contract = ask({ row: row({ final }), pipeline: { ...pipeline, lastHeartbeatAt: micros(NOW - silentUs) } });
      return [contract.confidenceLevel, ...contract.reasons];
    };
    // Three intervals of a second later than for an engine whose heartbeats wait for no checkpoint.
    expect(at(13_000_000, false)).toEqual(['HIGH']);
    expect(at(13_000_001, false)).toEqual(['LOW', 'PIPELINE_STOPPED']);
    expect(at(99_000_000, true)).toEqual(['HIGH']);
    expect(ask({ row: row({ final: false }), pipeline: null }).confidenceLevel).toBe('LOW');
    expect(ask({ row: row({ final: false }), pipeline: { ...pipeline, state: 'STOPPING' } }).reasons).toEqual([
      'PIPELINE_STOPPED',
    ]);
  });

  test('an open result is LOW once another run owns its source partition, or its own run lost output; a final one is not', () => {
    const at = (over: object, final = false): string[] => {
      const kafkaOnly = { row: row({ final, engine: 'KAFKA_ONLY' }), engine: 'KAFKA_ONLY' } as const;
      const contract = ask({ ...kafkaOnly, pipeline: { ...pipeline, ...over } });
      return [contract.confidenceLevel, ...contract.reasons];
    };
    expect(at({ owners: { '0': 'a', '1': 'b' } })).toEqual(['HIGH']);
    expect(at({ owners: { '0': 'b' } })).toEqual(['LOW', 'RESTART_DUPLICATION']);
    expect(at({ owners: { '0': 'b' } }, true)).toEqual(['HIGH']);
    expect(at({ gapRuns: ['a'] })).toEqual(['LOW', 'VIOLATION_OUTPUT_GAP']);
    expect(at({ gapRuns: ['a'] }, true)).toEqual(['HIGH']);
    // Accepted after the facts were read: its run owned the partition then.
    const newer = ask({
      store: 'POSTGRES',
      applied: null,
      row: row({ final: false, position: position(51) }),
      pipeline: { ...pipeline, owners: { '0': 'b' } },
    });
    expect([newer.confidenceLevel, newer.provenAt]).toEqual(['HIGH', 51n]);
  });

  test('a null and a set are LOW once a run began behind the first record: what was lost before it will never come', () => {
    const at = (over: Partial<Assessment>): string[] => {
      const contract = ask({ engine: 'KAFKA_ONLY', pipeline: { ...pipeline, resumed: true }, ...over });
      return [contract.confidenceLevel, ...contract.reasons];
    };
    expect(at({ row: null })).toEqual(['LOW', 'NO_CHECKPOINT', 'RESTART_DUPLICATION']);
    // A row says itself where it begins: ingest has judged it.
    expect(at({ row: row({ final: false }) })).toEqual(['HIGH']);
  });

  test('without a clock nothing is HIGH', () => {
    expect(ask({ now: null }).confidenceLevel).toBe('EVENTUALLY_CONSISTENT');
  });

  test('a null and a set of the Kafka-only engine carry its limit', () => {
    expect(ask({ engine: 'KAFKA_ONLY', row: null })).toMatchObject({
      confidenceLevel: 'EVENTUALLY_CONSISTENT',
      reasons: ['NO_CHECKPOINT'],
      position: 50n,
    });
  });

  test('no input raises a level above the cap of the row, and every lowering has a reason', () => {
    const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
    const input = fc.record({
      row: fc.record({
        cap: fc.constantFrom(...CONFIDENCE_LEVELS),
        final: fc.boolean(),
        at: fc.integer({ min: 0, max: 80 }),
      }),
      pending: maybe(fc.record({ at: fc.integer({ min: 0, max: 80 }), cap: fc.constantFrom(...CONFIDENCE_LEVELS) })),
      applied: fc.oneof(fc.constant('unknown' as const), fc.constant(null), fc.integer({ min: 0, max: 80 })),
      proven: fc.boolean(),
      silentUs: fc.integer({ min: 0, max: 20_000_000 }),
      clock: fc.boolean(),
    });
    fc.assert(
      fc.property(input, (i) => {
        const contract = ask({
          row: row({
            cap: i.row.cap,
            reasons: i.row.cap === 'HIGH' ? [] : ['CAPPED'],
            final: i.row.final,
            position: position(i.row.at),
          }),
          pending:
            i.pending === null
              ? null
              : {
                  position: position(i.pending.at),
                  cap: i.pending.cap,
                  reasons: i.pending.cap === 'HIGH' ? [] : ['PENDING'],
                },
          applied: typeof i.applied === 'number' ? applied(i.applied) : i.applied,
          proof: i.proven ? proof : null,
          pipeline: { ...pipeline, lastHeartbeatAt: micros(NOW - i.silentUs) },
          now: i.clock ? NOW : null,
        });
        expect(atLeast(i.row.cap, contract.confidenceLevel)).toBe(true);
        if (contract.confidenceLevel !== 'HIGH' && i.clock) expect(contract.reasons).not.toEqual([]);
        if (contract.confidenceLevel === 'HIGH') {
          // The claim of §2, spelled out: proven, dated, and the newest.
          expect([contract.provenAt, contract.asOf]).not.toContain(null);
          if (typeof i.applied === 'number') expect(i.pending === null || i.pending.at <= i.applied).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('staleness is rounded up, and unknown when the clock stands before the answer', () => {
    expect(stalenessMs(micros(1_000), micros(1_000))).toBe(0);
    expect(stalenessMs(micros(1_000), micros(1_001))).toBe(1);
    expect(stalenessMs(micros(1_000), micros(2_001))).toBe(2);
    expect(stalenessMs(micros(1_000), micros(999))).toBeNull();
    expect(stalenessMs(null, micros(1))).toBeNull();
    expect(stalenessMs(micros(1), null)).toBeNull();
  });
});
