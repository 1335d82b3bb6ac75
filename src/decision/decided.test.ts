import fc from 'fast-check';
import { decide, lower } from './decide.js';
import { BY_NO_RECORD, decodeObserved, encodeObserved, forgiven, readDecided, TABLE, writeDecided } from './decided.js';
import type { Observation } from './observe.js';
import { reproduce } from './reproduce.js';
import type { ResultState } from './state.js';
import { DECISION_TABLE } from './table.js';
import { incoming, owning, stamp, state } from './test-support/records.js';

/** Every word that the table knows, and those that no rule names. */
const WORDS: Readonly<Record<keyof Observation, readonly string[]>> = {
  engine: ['KAFKA_ONLY', 'FLINK'],
  arrival: ['IN_ORDER', 'LATE', 'REPROCESSED', 'UNREQUESTED'],
  sink: ['FINAL', 'OPEN'],
  run: ['CURRENT', 'SUPERSEDED', 'UNANNOUNCED'],
  begun: ['IN_RUN', 'MAYBE_BEFORE_RUN'],
  stored: ['NEW_KEY', 'SAME_RUN', 'OTHER_RUN', 'ANCESTOR', 'OFF_LINEAGE', 'RESET', 'VERIFIED'],
  compared: ['NONE', 'LESS', 'SAME', 'CLOSING', 'REOPENING', 'CONFLICT', 'GREATER', 'INCOMPARABLE', 'UNKNOWN'],
  seq: ['GAPLESS', 'AGAIN', 'GAP_BEFORE', 'MISSING'],
  revision: ['FORWARD', 'REGRESSED', 'MISSING'],
  coverage: ['KNOWN', 'MOVED', 'MISSING'],
  lost: ['NONE', 'SOME'],
  earlier: ['KNOWN', 'MAYBE_EXPIRED'],
  tainted: ['NO', 'YES'],
  lineage: ['KNOWN', 'MISSING'],
  epoch: ['KNOWN', 'MISSING'],
  delivery: ['KNOWN', 'MISSING'],
  digest: ['KNOWN', 'MISSING'],
  interval: ['KNOWN', 'MISSING'],
};
const observation = fc.record(
  Object.fromEntries(Object.entries(WORDS).map(([word, values]) => [word, fc.constantFrom(...values)])),
) as unknown as fc.Arbitrary<Observation>;

test('what was seen is written in 18 characters and read again, word for word; what another release wrote is not guessed', () => {
  fc.assert(
    fc.property(observation, (seen) => {
      const text = encodeObserved(seen);
      expect(text).toHaveLength(18);
      expect(decodeObserved(text)).toEqual(seen);
    }),
  );
  for (const rule of DECISION_TABLE)
    for (const [word, values] of Object.entries(rule.when))
      expect(WORDS[word as keyof Observation]).toEqual(expect.arrayContaining(values as string[]));
  const good = encodeObserved(fc.sample(observation, 1)[0]!);
  for (const text of ['', good.slice(1), `${good}k`, `!${good.slice(1)}`]) expect(decodeObserved(text)).toBeNull();
});

test('as text it comes back as it was, and the table of another release gives nothing', () => {
  const decided = { table: TABLE, observed: 'koociosgfknnykkkkk', held: ['LATE_UPDATE', 'ROLLBACK_REFUSED'] };
  expect(readDecided(writeDecided(decided))).toEqual(decided);
  expect(readDecided(writeDecided(BY_NO_RECORD))).toEqual(BY_NO_RECORD);
  expect(reproduce({ ...BY_NO_RECORD, table: '00000000' })).toBeNull();
  expect(reproduce(BY_NO_RECORD)).toMatchObject({ cap: 'HIGH', reasons: [] });
  expect(reproduce(readDecided('anything else'))).toBeNull();
});

const rowOf = (decision: ReturnType<typeof decide>): ResultState => {
  if (decision.row === null) throw new Error('no row');
  return decision.row;
};
const again = ({ decided }: ResultState): unknown => {
  const found = decided === null ? null : reproduce(decided);
  return [found?.cap, found?.reasons];
};

test('whatever is decided, lowered, held and forgiven, cap and reasons follow from what is written down', () => {
  const facts = owning('a');
  const first = rowOf(decide(incoming({ lost: true }), null, facts));
  const more = { coverage: { '0': [0, 9] as const } };
  const late = rowOf(decide(incoming({ arrival: 'LATE', stamp: stamp('a', 3) }, more), first, facts));
  const lowered = lower(late, 'VIOLATION_LATE_DROPPED', 'NO_CHECKPOINT');
  const other = { ...more, coverage: { '0': [0, 9] as const }, calculatedValue: { orders_total: 2 } };
  const refused = rowOf(decide(incoming({ stamp: stamp('a', 4) }, other), lowered, facts));
  for (const row of [first, late, lowered, refused]) expect(again(row)).toEqual([row.cap, row.reasons]);
  expect(lowered.decided?.held).toEqual(['VIOLATION_DEAD_LETTER', 'VIOLATION_LATE_DROPPED']);
  const settled = forgiven(first.decided, 'VIOLATION_DEAD_LETTER');
  expect(again({ ...state(), decided: settled })).toEqual(['EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT']]);
  expect(lower(state(), 'LATE_UPDATE').decided).toBeNull();
});
