/** An engine with checkpoints: facts by the order of the log, and properties of whole streams. */
import fc from 'fast-check';
import { keyOf } from '../position/commit-log.js';
import { weakest } from '../words.js';
import { evolve } from './evolve.js';
import { needs, plan } from './plan.js';
import {
  NO_FACTS,
  type Incoming,
  type IncomingResult,
  type Lineage,
  type PipelineFacts,
  type ResultState,
} from './state.js';
import { AT, incoming, stamp } from './test-support/records.js';

const from = (run: string, seq: number, epoch: number, lineage: Lineage = []): IncomingResult['stamp'] => ({
  ...stamp(run, seq),
  engine: 'FLINK',
  epoch,
  lineage,
  offset: seq,
  delivery: 'EXACTLY_ONCE',
  transactional: true,
  intervalMs: 1_000,
});
const begin = (own: IncomingResult['stamp'], parent: string | null = null, reached = 0): Incoming => ({
  type: 'run',
  stamp: own,
  parent,
  counters: parent === null ? [] : [{ subtask: 0, seq: reached }],
});
const emit = (own: IncomingResult['stamp'], last: number, over: Partial<ResultState> = {}): IncomingResult =>
  incoming(
    { stamp: own },
    {
      engine: 'FLINK',
      run: own.run,
      epoch: own.epoch,
      revision: last,
      coverage: { '0': [0, last] },
      digest: String(last),
      calculatedValue: { n: last },
      resultOffset: own.offset,
      events: last,
      ...over,
    },
  );

interface World {
  readonly rows: Map<string, ResultState>;
  readonly facts: Map<string, PipelineFacts>;
}
const EMPTY: World = { rows: new Map(), facts: new Map() };

function take(world: World, batch: readonly Incoming[]): World {
  const wanted = new Set(needs(batch).map(keyOf));
  const rows = new Map([...world.rows].filter(([id]) => wanted.has(id)));
  const planned = plan(batch, { rows, facts: world.facts }, AT);
  return {
    rows: new Map([...world.rows, ...[...planned.rows].map(([id, { row }]) => [id, row] as const)]),
    facts: new Map(planned.facts),
  };
}
const play = (...records: Incoming[]): World => take(EMPTY, records);
const only = ({ rows }: World): ResultState | undefined => [...rows.values()][0];

describe('what the log says of runs', () => {
  const lineage: Lineage = [['r1', 41]];
  const facts = (...records: Incoming[]): PipelineFacts => records.reduce((f, r) => evolve(f, r, AT), NO_FACTS);

  test('fewer records accepted than the parent had emitted are lost output; as many are not', () => {
    const parent = [begin(from('r1', 1, 1)), emit(from('r1', 2, 41), 1)];
    expect(facts(...parent, begin(from('r2', 1, 42, lineage), 'r1', 2)).losses).toEqual([]);
    expect(facts(...parent, begin(from('r2', 1, 42, lineage), 'r1', 3)).losses).toEqual(['r2']);
  });

  test('a run that descends from lost output stays tainted, one that begins anew does not', () => {
    const lost = [begin(from('r1', 1, 1)), emit(from('r1', 3, 1), 1)];
    expect(facts(...lost).losses).toEqual(['r1']);
    expect(facts(...lost, begin(from('r2', 1, 42, lineage), 'r1', 3)).losses).toEqual(['r1']);
    expect(facts(...lost, begin(from('r3', 1, 1)))).toMatchObject({ losses: [], lossOffset: null });
  });

  test('a straggler from before the restored checkpoint counts; one from behind it is refused', () => {
    const restored = [begin(from('r1', 1, 1)), begin(from('r2', 1, 42, lineage), 'r1', 1)];
    expect(only(play(...restored, emit(from('r1', 2, 41), 1)))).toMatchObject({ cap: 'HIGH', run: 'r1' });
    expect(only(play(...restored, emit(from('r1', 2, 42), 1)))).toBeUndefined();
    // It came back late, and is not the current run again.
    expect(facts(...restored, begin(from('r1', 3, 42))).current?.run).toBe('r2');
  });

  test('a rollback is confirmed by the same value, refused by another, and both leave the value that was served', () => {
    const before = [begin(from('r1', 1, 1)), emit(from('r1', 2, 42), 3), begin(from('r2', 1, 42, lineage), 'r1', 1)];
    const [same, other] = [emit(from('r2', 2, 42, lineage), 3), emit(from('r2', 2, 42, lineage), 3, { digest: 'x' })];
    expect(only(play(...before, same))).toMatchObject({ cap: 'HIGH', run: 'r2', reasons: [] });
    expect(only(play(...before, other))).toMatchObject({ cap: 'LOW', run: 'r1', reasons: ['ROLLBACK_REFUSED'] });
    const after = play(...before, other, emit(from('r2', 3, 42, lineage), 4));
    expect(only(after)).toMatchObject({ cap: 'LOW', calculatedValue: { n: 4 } });
  });

  test('after a rollback more offsets with no more events in them are not more: one of the two folds what the other never saw', () => {
    const before = [begin(from('r1', 1, 1)), emit(from('r1', 2, 42), 3), begin(from('r2', 1, 42, lineage), 'r1', 1)];
    for (const events of [2, 3]) {
      const other = emit(from('r2', 2, 42, lineage), 5, { events });
      expect(only(play(...before, other))).toMatchObject({ cap: 'LOW', run: 'r1', reasons: ['ROLLBACK_REFUSED'] });
    }
    expect(only(play(...before, emit(from('r2', 2, 42, lineage), 5, { events: 4 })))).toMatchObject({ cap: 'HIGH' });
  });

  test('a verified result is not replaced by more offsets with fewer events either', () => {
    const verified = { ...emit(from('recompute', 1, 1), 5, { verified: true }), arrival: 'REPROCESSED' as const };
    const before = [begin(from('r1', 1, 1)), emit(from('r1', 2, 42), 3), begin(from('r2', 1, 42, lineage), 'r1', 1)];
    const after = play(...before, verified, emit(from('r2', 2, 42, lineage), 7, { events: 4 }));
    expect(only(after)).toMatchObject({ cap: 'LOW', calculatedValue: { n: 5 }, reasons: ['ROLLBACK_REFUSED'] });
  });

  test('what is its newest record is replaced by a later one; replayed, older ones change nothing, and the same one confirms', () => {
    const version = (own: IncomingResult['stamp'], offset: number, revision: number): IncomingResult => ({
      ...emit(own, revision, { coverage: { '0': [offset, offset] }, digest: String(offset), events: 1 }),
      newestOnly: true,
    });
    const first = [begin(from('r1', 1, 1)), version(from('r1', 2, 42), 5, 1)];
    const second = play(...first, version(from('r1', 3, 42), 7, 2));
    expect(only(second)).toMatchObject({ cap: 'HIGH', coverage: { '0': [7, 7] }, reasons: [] });
    const replayed = take(second, [
      begin(from('r2', 1, 42, lineage), 'r1', 1),
      version(from('r2', 2, 42, lineage), 5, 1),
    ]);
    expect(only(replayed)).toMatchObject({ cap: 'HIGH', run: 'r1', coverage: { '0': [7, 7] }, reasons: [] });
    const confirmed = take(replayed, [version(from('r2', 3, 42, lineage), 7, 2)]);
    expect(only(confirmed)).toMatchObject({ cap: 'HIGH', run: 'r2', reasons: [] });
    const other = version(from('r2', 3, 42, lineage), 7, 2);
    expect(only(take(replayed, [{ ...other, state: { ...other.state, digest: 'x' } }]))).toMatchObject({
      cap: 'LOW',
      run: 'r1',
      reasons: ['ROLLBACK_REFUSED'],
    });
    // A fold of several may not lose its first: what another place says of it can not be compared.
    expect(only(take(second, [{ ...version(from('r1', 4, 42), 9, 3), newestOnly: false }]))).toMatchObject({
      cap: 'LOW',
      reasons: ['VIOLATION_REVISION_REGRESSION'],
    });
  });

  test('verified is HIGH until the tainted run covers more; then it is LOW for what was found before', () => {
    const found = [
      begin(from('r1', 1, 1)),
      emit(from('r1', 2, 1), 3),
      emit(from('r1', 3, 1), 3, { digest: 'x', revision: 4 }),
    ];
    const verification = { ...emit(from('recompute', 1, 1), 5, { verified: true }), arrival: 'REPROCESSED' as const };
    const verified = play(...found, verification);
    expect(only(verified)).toMatchObject({ cap: 'HIGH', reasons: [] });
    expect(only(take(verified, [emit(from('r1', 4, 1), 4)]))).toMatchObject({ cap: 'HIGH', calculatedValue: { n: 5 } });
    expect(only(take(verified, [emit(from('r1', 4, 1), 6)]))).toMatchObject({
      cap: 'LOW',
      reasons: ['VIOLATION_VALUE_CONFLICT'],
    });
  });
});

describe('a state that was reset to the verified fold', () => {
  const fold = 'n-1';
  const tainted = [
    begin(from('r1', 1, 1)),
    emit(from('r1', 2, 1), 3),
    emit(from('r1', 3, 1), 3, { digest: 'x', revision: 4 }),
  ];
  const verification: IncomingResult = {
    ...emit(from('recompute', 1, 1), 5, { verified: true }),
    arrival: 'REPROCESSED',
    verification: { request: '1', nonce: fold, upTo: { '0': 6 }, mustReach: [] },
  };
  const reset = (seq: number, last: number, over: Partial<ResultState> = {}): IncomingResult => {
    return { ...emit(from('r1', seq, 1), last, over), resetBy: fold };
  };
  const verified = play(...tainted, verification);

  test('what it emits is worth what it would be without the taint, and is compared with itself as ever', () => {
    const after = take(verified, [reset(4, 6), reset(5, 7)]);
    expect(only(after)).toMatchObject({ cap: 'HIGH', reasons: [], calculatedValue: { n: 7 }, taints: {} });
    const conflict = take(after, [reset(6, 7, { digest: 'x', revision: 8 })]);
    expect(only(conflict)).toMatchObject({ cap: 'LOW', reasons: ['VIOLATION_VALUE_CONFLICT'], verification: null });
    expect(only(take(after, [reset(6, 6, { revision: 8 })]))).toMatchObject({
      cap: 'LOW',
      reasons: ['VIOLATION_REVISION_REGRESSION'],
    });
  });

  test('found wrong against the verified value, the fold vouches for it no more', () => {
    const found = take(verified, [reset(4, 5, { digest: 'x' })]);
    expect(only(found)).toMatchObject({ cap: 'HIGH', calculatedValue: { n: 5 }, verification: null });
    expect(only(take(found, [reset(5, 6)]))).toMatchObject({ cap: 'LOW', reasons: ['VIOLATION_VALUE_CONFLICT'] });
  });

  test('lost output is held against it no more, as far as it was lost before the verification', () => {
    const lost = [begin(from('r1', 1, 1)), emit(from('r1', 4, 1), 3)];
    const answer = { ...verification, stamp: { ...verification.stamp, offset: 5 } };
    const answered = play(...lost, { ...answer, state: { ...answer.state, resultOffset: 5 } });
    expect(only(answered)).toMatchObject({ cap: 'HIGH', reasons: [] });
    const next = (seq: number, last: number): IncomingResult => emit({ ...from('r1', seq, 1), offset: seq + 1 }, last);
    const after = take(answered, [
      { ...next(5, 6), resetBy: fold },
      { ...next(6, 7), resetBy: fold },
    ]);
    expect(only(after)).toMatchObject({ cap: 'HIGH', reasons: [], calculatedValue: { n: 7 } });
    const again = take(after, [{ ...next(8, 8), resetBy: fold }]);
    expect(only(again)).toMatchObject({ cap: 'LOW', reasons: ['VIOLATION_OUTPUT_GAP'], verification: null });
    expect(only(take(answered, [next(5, 6)]))).toMatchObject({ reasons: ['VIOLATION_OUTPUT_GAP'] });
  });

  test('what the former state said last is taken over, whatever it covers', () => {
    const further = take(verified, [emit(from('r1', 4, 1), 8)]);
    expect(only(further)).toMatchObject({ cap: 'LOW', reasons: ['VIOLATION_VALUE_CONFLICT'] });
    expect(only(take(further, [reset(5, 8, { digest: 'true' })]))).toMatchObject({ cap: 'HIGH', digest: 'true' });
  });
});

describe('streams', () => {
  /** Runs that are restored from one another now and then, with gaps, conflicts and steps back. */
  const step = fc.record({ key: fc.constantFrom('x', 'y'), restart: fc.nat(9), skip: fc.nat(19), wrong: fc.nat(14) });
  const stream = fc.array(step, { maxLength: 40 }).map((steps) => {
    const records: Incoming[] = [];
    let [run, seq, epoch, lineage] = [0, 0, 1, [] as Lineage];
    const own = (): IncomingResult['stamp'] => ({
      ...from(`r${run}`, (seq += 1), epoch, lineage),
      offset: records.length,
    });
    records.push(begin(own()));
    for (const [n, { key, restart, skip, wrong }] of steps.entries()) {
      if (restart === 0) {
        const [parent, reached] = [`r${run}`, seq];
        lineage = [...lineage, [parent, Math.max(1, epoch - 1)]];
        [run, seq] = [run + 1, 0];
        records.push(begin(own(), parent, reached));
      }
      if (restart === 1) epoch += 1;
      if (skip === 0) seq += 1;
      const over = { businessKey: key, ...(wrong === 0 ? { digest: 'wrong' } : {}) };
      records.push({ ...emit(own(), wrong === 1 ? 1 : n + 1, over), ordinal: records.length });
    }
    return records;
  });

  test('however the log is cut into batches, rows and facts are the same', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 6 }), (records, size) => {
        let cut = EMPTY;
        for (let at = 0; at < records.length; at += size) cut = take(cut, records.slice(at, at + size));
        expect(cut).toEqual(play(...records));
      }),
      { numRuns: 200 },
    );
  });

  test('what a sender delivers again changes no row', () => {
    fc.assert(
      fc.property(stream, (records) => {
        const first = play(...records);
        expect(take(first, records).rows).toEqual(first.rows);
      }),
      { numRuns: 200 },
    );
  });

  test('in which order independent subtasks are heard does not matter', () => {
    const of = (subtask: number, keys: readonly string[]): Incoming[] =>
      keys.map((businessKey, n) => {
        const own = { ...from('r0', n + 1, 1), subtask, offset: 10 * subtask + n };
        return n === 0 ? begin(own) : emit(own, n, { businessKey: `${subtask}${businessKey}` });
      });
    const keys = fc.array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(keys, keys, fc.infiniteStream(fc.boolean()), (a, b, coin) => {
        const [left, right] = [of(0, a), of(1, b)];
        const mixed: Incoming[] = [];
        for (const first of coin) {
          const next = (first ? left : right).shift() ?? left.shift() ?? right.shift();
          if (next === undefined) break;
          mixed.push(next);
        }
        expect(play(...mixed)).toEqual(play(...of(0, a), ...of(1, b)));
      }),
      { numRuns: 200 },
    );
  });

  test('a level never rises without a verification', () => {
    fc.assert(
      fc.property(stream, (records) => {
        let world = EMPTY;
        for (const record of records) {
          const before = world;
          world = take(world, [record]);
          for (const [id, row] of world.rows) {
            const old = before.rows.get(id);
            if (old !== undefined) expect(weakest(old.cap, row.cap)).toBe(row.cap);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
