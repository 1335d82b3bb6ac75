/**
 * The whole decision table against one that was written by hand from contract.md §3 (decision-table.csv): every combination
 * of words that can be, built as a record, a stored row and facts, and decided (checks.md 21).
 */
import { decide, matching, type Decision } from '../../src/decision/decide.js';
import { observe, type Observation } from '../../src/decision/observe.js';
import { DECISION_TABLE, type DecisionRule } from '../../src/decision/table.js';
import { build, DOMAINS, FIELDS, FOUND, possible, type Case, type Words } from './build.js';
import { speaksOf } from './csv.js';
import { expected, ROWS, type Outcome } from './expected.js';

/** Nothing missing, each piece of evidence alone, and all of them. */
const MISSING = [[], ...FIELDS.map((field) => [field]), [...FIELDS]];

/** Evidence that is missing is held against a record by itself: single pieces are tried where little else is. */
const plain = (w: Omit<Words, 'missing'>): boolean => w.seq === 'GAPLESS' && w.lost === 'NONE' && w.tainted === 'NO';

function* combinations(engine: keyof typeof DOMAINS): Generator<Words> {
  const words = Object.entries(DOMAINS[engine]) as [string, readonly string[]][];
  const sizes = words.map(([, values]) => values.length);
  const total = sizes.reduce((product, size) => product * size, 1);
  for (let n = 0; n < total; n += 1) {
    let left = n;
    const chosen: Record<string, string> = {};
    for (const [word, values] of words) {
      chosen[word] = values[left % values.length] ?? '';
      left = Math.floor(left / values.length);
    }
    for (const missing of MISSING) {
      const words = { ...chosen, missing } as unknown as Words;
      if (missing.length === 0 || plain(words)) yield words;
    }
  }
}

/** What was decided, in the words of the table written by hand. */
function outcome(decision: Decision, { stored }: Case): Outcome {
  const row = decision.row ?? stored;
  const kept = decision.action !== 'upsert' && row?.cap === stored?.cap;
  const news = row?.reasons.filter((reason) => !(stored?.reasons ?? []).includes(reason)) ?? [];
  return {
    postgres: decision.action === 'stable' && decision.adopts ? 'confirm' : decision.action,
    level: kept ? 'keeps' : (row?.cap ?? 'keeps'),
    reasons: news,
    stale: row?.stale ?? false,
    request: decision.reprocess.length > 0,
    refusal: decision.action === 'refuse' ? decision.reason : null,
  };
}

const sorted = (o: Outcome): string =>
  [o.postgres, o.level, [...o.reasons].sort().join('+'), o.stale, o.request, o.refusal ?? ''].join(' ');

/** A refused record of a key that is not stored lowers nothing: there is no row to hold anything against. */
const asFarAsThereIsARow = (o: Outcome, { stored }: Case): Outcome =>
  stored === null && o.postgres !== 'upsert' ? { ...o, level: 'keeps', reasons: [] } : o;

interface Walk {
  readonly cases: number;
  readonly wrong: readonly object[];
  readonly reached: ReadonlySet<DecisionRule>;
  readonly rowsReached: ReadonlySet<object>;
  readonly misread: readonly object[];
}

/** One pass over all combinations of an engine, without jest's matchers: there are some hundred thousand. */
function walk(engine: keyof typeof DOMAINS): Walk {
  const [wrong, misread]: [object[], object[]] = [[], []];
  const reached = new Set<DecisionRule>();
  const rowsReached = new Set<object>();
  let cases = 0;
  for (const words of combinations(engine)) {
    if (!possible(words)) continue;
    cases += 1;
    const built = build(words);
    const seen = observe(built.record, built.stored, built.facts, built.expiry);
    if (!says(seen, words) && misread.length < 3) misread.push({ words, seen });
    const decided = sorted(outcome(decide(built.record, built.stored, built.facts, built.expiry), built));
    const wanted = sorted(asFarAsThereIsARow(expected(words, FOUND), built));
    if (decided !== wanted && wrong.length < 3) wrong.push({ words, decided, wanted });
    if (words.missing.length === 1 || cases % 7 === 0) {
      for (const rule of matching(seen)) reached.add(rule);
      for (const row of ROWS) if (speaksOf(row, words)) rowsReached.add(row);
    }
  }
  return { cases, wrong, reached, rowsReached, misread };
}

const says = (seen: Observation, { missing, ...words }: Words): boolean =>
  Object.entries(words).every(([word, value]) => seen[word as keyof Observation] === value) &&
  FIELDS.every((field) => (seen[field] === 'MISSING') === missing.includes(field));

const walks = { KAFKA_ONLY: walk('KAFKA_ONLY'), FLINK: walk('FLINK') };

describe.each(['KAFKA_ONLY', 'FLINK'] as const)('every combination of %s', (engine) => {
  test('is what its words say, once it is built', () => {
    expect(walks[engine].misread).toEqual([]);
    expect(walks[engine].cases).toBeGreaterThan(10_000);
  });

  test('has the outcome that the table written by hand gives it', () => {
    expect(walks[engine].wrong).toEqual([]);
  });
});

test('each row of both tables is reached', () => {
  const reached = new Set([...walks.KAFKA_ONLY.reached, ...walks.FLINK.reached]);
  expect(DECISION_TABLE.filter((rule) => !reached.has(rule)).map((rule) => rule.scenario)).toEqual([]);
  const rows = new Set([...walks.KAFKA_ONLY.rowsReached, ...walks.FLINK.rowsReached]);
  expect(ROWS.filter((row) => !rows.has(row)).map((row) => row['contract row'])).toEqual([]);
});

test('the checker notices a table in which a single cell is another', () => {
  const words = { ...base, compared: 'CONFLICT', stored: 'OFF_LINEAGE' } as Words;
  const built = build(words);
  const right = sorted(expected(words, FOUND));
  expect(sorted(outcome(decide(built.record, built.stored, built.facts, built.expiry), built))).toBe(right);
  const other = build({ ...words, compared: 'SAME' });
  expect(sorted(outcome(decide(other.record, other.stored, other.facts, other.expiry), other))).not.toBe(right);
});

const base: Words = {
  engine: 'FLINK',
  arrival: 'IN_ORDER',
  sink: 'FINAL',
  run: 'CURRENT',
  begun: 'IN_RUN',
  stored: 'NEW_KEY',
  compared: 'NONE',
  seq: 'GAPLESS',
  revision: 'FORWARD',
  coverage: 'KNOWN',
  lost: 'NONE',
  tainted: 'NO',
  earlier: 'KNOWN',
  missing: [],
};
