import type { StoredResult } from '../stores/port.js';
import { windowRow } from '../server/testing/fake-store.js';
import { DECISION_TABLE } from '../decision/table.js';
import { LEDGER_REASONS, REASONS, type ConfidenceLevel, type ProcessingEngine } from '../words.js';
import { compareEngines, type EngineSide } from './engines.js';

interface Given {
  readonly value?: Record<string, unknown>;
  readonly coverage?: StoredResult['coverage'];
  readonly level?: ConfidenceLevel;
  readonly reasons?: readonly string[];
  readonly verified?: boolean;
  readonly deleted?: boolean;
  readonly digest?: string | null;
  readonly sources?: Record<string, string>;
}

const side = (engine: ProcessingEngine, given: Given | null, sources?: Record<string, string>): EngineSide => {
  const { value = {}, coverage = { '0': [3, 9] }, level = 'HIGH', digest = '7', ...rest } = given ?? {};
  const { verified = false, deleted = false, reasons = [] } = rest;
  return {
    engine,
    row: given === null ? null : windowRow({ engine, coverage, verified, deleted }, value),
    claim: { confidenceLevel: level, reasons },
    evidence: digest === null ? null : { digest },
    pipelines: sources === undefined ? [] : [{ sources }, { sources: { '0': '1000' } }],
  };
};

const compare = (a: Given | null, b: Given | null, newestOnly = false) => {
  const { why, ...rest } = compareEngines(side('KAFKA_ONLY', a), side('FLINK', b), newestOnly);
  return { ...rest, why: why.map(({ engine, code }) => [engine, code]) };
};
const more = { value: { orders_total: 4 } };
const differences = [{ field: 'orders_total', values: { KAFKA_ONLY: 4, FLINK: 3 } }];
const different = { verdict: 'DIFFERENT', differences };
const equal = { verdict: 'EQUAL', differences: [], suspect: null };

test('equal values agree, whatever else; that one has folded less, or other events, is said all the same', () => {
  expect(compare({}, {})).toEqual({ ...equal, why: [] });
  expect(compare({ digest: null }, {})).toEqual({ ...equal, why: [] });
  expect(compare({ coverage: { '0': [3, 8] } }, {})).toEqual({ ...equal, why: [['KAFKA_ONLY', 'FOLDED_LESS']] });
  expect(compare({ digest: '8' }, {})).toEqual({ ...equal, why: [[null, 'OTHER_EVENTS']] });
});

test('who has folded less is behind, and nobody is doubted for that', () => {
  const less = { coverage: { '0': [3, 8] as const } };
  expect(compare({ ...more, level: 'LOW', reasons: ['RESTART_DUPLICATION'] }, less)).toEqual({
    ...different,
    suspect: null,
    why: [['FLINK', 'FOLDED_LESS']],
  });
  expect(compare({ ...more, ...less }, {}).why).toEqual([['KAFKA_ONLY', 'FOLDED_LESS']]);
  expect(compare({ ...more, coverage: { '0': [2, 8] } }, {}).why).toEqual([[null, 'FOLDED_OTHER_OFFSETS']]);
  expect(compare({ ...more, coverage: { '0': [2, 8] } }, {}, true).why).toEqual([['KAFKA_ONLY', 'FOLDED_LESS']]);
});

test('at equal coverage the one that can show less is doubted, with what is held against it', () => {
  const low = { ...more, level: 'LOW', reasons: ['RESTART_DUPLICATION'], digest: '8' } as const;
  expect(compare(low, {})).toEqual({
    ...different,
    suspect: 'KAFKA_ONLY',
    why: [
      [null, 'OTHER_EVENTS'],
      ['KAFKA_ONLY', 'RESTART_DUPLICATION'],
    ],
  });
  // What was recomputed from the source is right, whatever its level says just now.
  expect(compare({ ...low, verified: true }, {}).suspect).toBe('FLINK');
  expect(compare({ ...low, verified: true }, { verified: true }).suspect).toBe('KAFKA_ONLY');
  expect(compare(more, {})).toEqual({ ...different, suspect: null, why: [[null, 'OTHER_FOLD']] });
  expect(compare({ ...more, digest: null }, {}).why).toEqual([[null, 'EVENTS_UNKNOWN']]);
  expect(compare({ ...low, coverage: null }, {})).toMatchObject({
    suspect: 'KAFKA_ONLY',
    why: [
      ['KAFKA_ONLY', 'COVERAGE_UNKNOWN'],
      ['KAFKA_ONLY', 'RESTART_DUPLICATION'],
    ],
  });
});

test('a deleted result keeps its value and differs by being deleted', () => {
  expect(compare({ deleted: true }, {}).differences).toEqual([
    { field: 'deleted', values: { KAFKA_ONLY: true, FLINK: undefined } },
  ]);
});

test('where one has nothing, its progress in the source tells whether something is wrong', () => {
  const missing = (sources: Record<string, string> | undefined, coverage?: StoredResult['coverage']) => {
    const { verdict, why } = compareEngines(
      side('KAFKA_ONLY', coverage === undefined ? {} : { coverage }),
      side('FLINK', null, sources),
      false,
    );
    return [verdict, ...why.map(({ engine, code }) => `${engine} ${code}`)];
  };
  expect(missing(undefined)).toEqual(['ONE_MISSING', 'FLINK ENGINE_UNKNOWN']);
  expect(missing({ '0': '9' })).toEqual(['ONE_MISSING', 'FLINK NOT_READ_YET']);
  expect(missing({ '1': '99' }, { '1': [0, 5], '2': [0, 5] })).toEqual(['ONE_MISSING', 'FLINK NOT_READ_YET']);
  expect(missing({ '0': '10' })).toEqual(['ONE_MISSING', 'FLINK RESULT_MISSING']);
  expect(missing({ '0': '10' }, null)).toEqual(['ONE_MISSING', 'KAFKA_ONLY COVERAGE_UNKNOWN']);
  expect(compare(null, null)).toEqual({ verdict: 'BOTH_MISSING', differences: [], suspect: null, why: [] });
});

test('every code that a refusal can have has its sentence', () => {
  const codes = DECISION_TABLE.flatMap(({ postgres, reason, refusal }) =>
    postgres === 'REFUSE' ? [reason ?? refusal ?? 'REFUSED'] : [],
  );
  const known = Object.keys({ ...REASONS, ...LEDGER_REASONS });
  expect(codes.filter((code) => !known.includes(code))).toEqual([]);
});
