import { checkAll } from '../checkers/index.js';
import { goodHistory } from '../checkers/test-support/world.js';
import { jsonOf, markdownOf, outcomeOf, type Judgement, type Run } from './report.js';

const run: Run = {
  what: 'Mixed faults',
  command: 'npm run soak -- --minutes 1',
  date: '2026-01-05T09:00:00.000Z',
  seed: 7,
  commit: 'abc',
  machine: { cpus: 2 },
  minutes: 1,
  faults: { 'cdc-pause': 1 },
  notes: ['generator was started again'],
};
const judgement: Judgement = {
  verdicts: checkAll(goodHistory(), { enough: 5 }).map((verdict) => ({ ...verdict, violated: 0 })),
  paths: { order: { answers: 9, errors: 0, claims: 9, usualError: null } },
  ...{ events: 3, positions: 9, answers: 4, errors: 0, claimsRead: 40, blind: [], quiet: true, rows: { POSTGRES: 2 } },
};
const [first] = judgement.verdicts;

test('a run is true only if every checker says so, all was seen, and the end was quiet', () => {
  const but = (over: Partial<Judgement>): string => outcomeOf({ ...judgement, ...over });
  expect(but({})).toBe('true');
  expect(but({ quiet: false })).toBe('unknown');
  expect(but({ blind: ['pruned'] })).toBe('unknown');
  expect(but({ verdicts: [] })).toBe('unknown');
  expect(but({ paths: { search: { answers: 9, errors: 9, claims: 0, usualError: 'no' } } })).toBe('unknown');
  expect(but({ verdicts: [{ ...first!, verdict: 'unknown' }] })).toBe('unknown');
  // A lie is a lie, however little was seen besides.
  expect(but({ quiet: false, verdicts: [...judgement.verdicts, { ...first!, verdict: 'false' }] })).toBe('false');
});

test('the report says what was run, how many claims were checked and how many were false, per checker, store and fault', () => {
  const text = markdownOf(run, judgement);
  for (const part of [
    '# Mixed faults: true',
    '**0 false of',
    '| seed | 7 |',
    '| commit | abc |',
    '| cdc-pause | 1 |',
  ]) {
    expect(text).toContain(part);
  }
  for (const { checker } of judgement.verdicts) expect(text).toContain(`| ${checker} | true |`);
  expect(text).toContain('generator was started again');
  expect(jsonOf(run, judgement)).toMatchObject({
    verdict: 'true',
    falseClaims: 0,
    claimsChecked: first!.claims,
    seed: 7,
  });
});

test('a limit of usefulness that was missed is no false claim, and the run is not true all the same', () => {
  const missed = { ...first!, checker: 'usefulness', verdict: 'false' as const, violated: 4 };
  const run1 = { ...judgement, verdicts: [first!, missed] };
  expect(jsonOf(run, run1)).toMatchObject({ verdict: 'false', falseClaims: 0, limitsMissed: 4 });
});

test('false claims are counted whole and shown by example', () => {
  const violation = { sentence: 'high.value', key: 'order|FLINK|x', position: 3, fault: 'kill server#1', evidence: {} };
  const lie = { ...first!, verdict: 'false' as const, violations: [violation], violated: 123 };
  const text = markdownOf(run, { ...judgement, verdicts: [lie] });
  expect(text).toContain('**123 false of');
  expect(text).toContain('high.value: `order|FLINK|x` at 3, kill server#1');
});
