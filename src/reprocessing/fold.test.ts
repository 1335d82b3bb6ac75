/** What is recomputed, against the oracle (test/oracle/fold.py), which shares no code with it. */
import fc from 'fast-check';
import { SETTINGS } from '../../fold/test-support/settings.js';
import { runFold } from '../../test/harness/oracle.js';
import { parseEventText } from '../../wire/parse-event.js';
import { compileSchema } from '../../wire/validate.js';
import { Census, type Made } from './census.js';
import { Refold } from './fold.js';
import { resetCommand, resultMessage, type Asked } from './message.js';

const BASE_MS = Date.parse('2026-01-05T09:00:00.000Z');
const time = (ms: number): string => new Date(BASE_MS + ms).toISOString();

interface Row {
  readonly case: number;
  readonly kind: string;
  readonly op: string;
  readonly business_key: string;
  readonly calculated_value: object;
}

/** Orders of one symbol over half an hour, in any order: with what the engines drop as too late. */
const event = fc.record({
  event_id: fc.uuid(),
  order_id: fc.integer({ min: 1, max: 40 }).map((n) => `o-${n}`),
  symbol: fc.constant('005930'),
  side: fc.constantFrom('BUY', 'SELL'),
  quantity: fc.integer({ min: 1, max: 2000 }),
  price: fc.constantFrom('100', '105', '104.99999999', '95', '100000', '0', '007', '10.50'),
  status: fc.constantFrom('PENDING', 'FILLED', 'CANCELLED'),
  event_time: fc.oneof(fc.nat(1_800_000), fc.nat(15_000)).map(time),
  produce_time: fc.constant(time(0)),
  version: fc.nat(5),
  op: fc.constantFrom('c', 'c', 'c', 'r', 'u', 'd'),
});
const broken = { weight: 1, arbitrary: fc.constant('{broken') };
const stream = fc.array(fc.oneof({ weight: 9, arbitrary: event.map((e) => JSON.stringify(e)) }, broken), {
  minLength: 20,
  maxLength: 60,
});

async function oracle(cases: readonly (readonly string[])[]): Promise<Row[][]> {
  const text = await runFold([], (stdin) => {
    cases.forEach((values, n) =>
      values.forEach((value, offset) =>
        stdin.write(`${JSON.stringify({ case: n, partition: 0, offset, key: '005930', value })}\n`),
      ),
    );
    stdin.end();
  });
  const result: Row[][] = cases.map(() => []);
  for (const line of text.split('\n').filter((row) => row !== '')) {
    const row = JSON.parse(line) as Row;
    result[row.case]?.push(row);
  }
  return result;
}

const wantedOf = ({ business_key: businessKey }: Row) => ({ businessKey, symbol: '005930', partitions: new Set([0]) });
const askedOf = ({ kind, business_key: businessKey }: Row): Asked => ({
  id: '1',
  nonce: 'n',
  kind,
  businessKey,
  engine: 'KAFKA_ONLY',
  pipeline: 'p',
  revision: 1,
});
const sorted = (value: object): string => JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
const valid = { result: compileSchema('result'), reset: compileSchema('reset') };

/** Every result of the oracle, and for each order the anomalies that it is not. */
function asked(rows: readonly Row[]): { row: Row; made: boolean }[] {
  const known = new Set(rows.map((row) => row.business_key));
  const others = rows
    .filter(({ kind }) => kind === 'order')
    .map((row): Row => ({ ...row, kind: 'anomaly', op: 'delete', business_key: `RAPID_ORDERS:${row.business_key}` }))
    .filter((row) => !known.has(row.business_key));
  return [...rows.map((row) => ({ row, made: true })), ...others.map((row) => ({ row, made: false }))];
}

/** What a census names, page by page. */
function named(values: readonly string[], at = { resultPartition: 0, resultPartitions: 1 }): string[] {
  const keys = new Set<string>();
  const page = async (made: readonly Made[]): Promise<void> =>
    made.forEach(({ kind, businessKey }) => keys.add(`${kind} ${businessKey}`));
  const census = new Census(SETTINGS, at, page);
  values.forEach((value, offset) => {
    const parsed = parseEventText(value);
    if (parsed.kind !== 'broken') void census.take(parsed.event, parsed.eventTimeMs, { partition: 0, offset });
  });
  void census.flush();
  return [...keys].sort();
}

test('a census names every result that the oracle makes, and no other; of one result partition its own symbols alone', async () => {
  const cases = fc.sample(stream, { numRuns: 60, seed: 20_260_106 });
  const expected = await oracle(cases);
  const keysOf = (rows: readonly Row[] = []): string[] => rows.map((row) => `${row.kind} ${row.business_key}`).sort();
  expect(expected.flat().length).toBeGreaterThan(1_000);
  cases.forEach((values, n) => {
    expect([n, named(values)]).toEqual([n, keysOf(expected[n])]);
    const parts = [0, 1].map((resultPartition) => named(values, { resultPartition, resultPartitions: 2 }));
    expect([n, parts.map(({ length }) => length).sort((a, b) => a - b)]).toEqual([n, [0, named(values).length]]);
  });
}, 60_000);

test('a census says which symbols have events in several source partitions', () => {
  const [one = ''] = fc.sample(event, { numRuns: 1, seed: 1 }).map((e) => JSON.stringify(e));
  const parsed = parseEventText(one);
  if (parsed.kind === 'broken') throw new Error(one);
  const census = new Census(SETTINGS, { resultPartition: 0, resultPartitions: 1 }, async () => undefined);
  const take = (partition: number, offset: number): unknown =>
    census.take(parsed.event, parsed.eventTimeMs, { partition, offset });
  take(1, 0);
  take(1, 1);
  expect(census.moved).toEqual([]);
  take(0, 0);
  expect(census.moved).toEqual(['005930']);
});

test('every result of every kind, with too-late events, is what the oracle says; and no order is an anomaly that it is not', async () => {
  const cases = fc.sample(stream, { numRuns: 60, seed: 20_260_105 });
  const expected = await oracle(cases);
  const wrong: unknown[] = [];
  let [compared, resets] = [0, 0];
  cases.forEach((values, n) => {
    const all = asked(expected[n] ?? []);
    const refold = new Refold(SETTINGS);
    for (const { row } of all) refold.want(row.kind, wantedOf(row));
    values.forEach((value, offset) =>
      refold.take(0, { offset, key: 'other', value: Buffer.from(value), appendTimeMs: BASE_MS }),
    );
    for (const { row, made } of all) {
      const answer = refold.answer(row.kind, wantedOf(row));
      compared += 1;
      // An order that was never created is not looked at by any rule.
      if (answer === null && !made) continue;
      const same = answer !== null && (!made || sorted(answer.value) === sorted(row.calculated_value));
      if (answer === null || !same || answer.op !== row.op) wrong.push({ n, row, answer });
      else {
        const upTo = { '0': values.length };
        const reset = resetCommand(askedOf(row), answer, upTo);
        if (reset !== null) resets += 1;
        const fits =
          valid.result(resultMessage(askedOf(row), answer, upTo, 0)) && (reset === null || valid.reset(reset));
        if (!fits) wrong.push({ n, row, errors: valid.result.errors ?? valid.reset.errors });
      }
    }
  });
  expect(wrong.slice(0, 2)).toEqual([]);
  expect([compared > 1_000, resets > 100]).toEqual([true, true]);
}, 120_000);

test('an undecodable record that could belong to a result is named, one of another symbol is not', () => {
  const refold = new Refold(SETTINGS);
  const wanted = { businessKey: `005930@${time(0)}`, symbol: '005930', partitions: new Set([0]) };
  refold.want('order_window', wanted);
  const [good] = fc.sample(event, { numRuns: 1, seed: 1 }).map((e) => ({ ...e, op: 'c', event_time: time(1) }));
  const take = (offset: number, key: string | null, value: string): void =>
    refold.take(0, { offset, key, value: Buffer.from(value), appendTimeMs: BASE_MS });
  take(0, '005930', JSON.stringify(good));
  take(1, 'other', '{broken');
  take(2, '005930', '{broken');
  take(3, null, '{broken');
  const evidence = { events: 1, coverage: { '0': [0, 0] }, lost: { '0': [2, 3] } };
  expect(refold.answer('order_window', wanted)?.evidence).toMatchObject(evidence);
});

test('a window of which the source holds nothing is deleted, and says how far was read', () => {
  const refold = new Refold(SETTINGS);
  const row: Row = { case: 0, kind: 'order_window', op: '', business_key: `005930@${time(0)}`, calculated_value: {} };
  refold.want('order_window', wantedOf(row));
  const answer = refold.answer('order_window', wantedOf(row));
  if (answer === null) throw new Error('no answer');
  const message = resultMessage(askedOf(row), answer, { '0': 7 }, 0);
  expect(message).toMatchObject({ op: 'delete', evidence: { events: 0, coverage: { '0': [0, 6] } } });
  expect(valid.result(message)).toBe(true);
  expect(resetCommand(askedOf(row), answer, { '0': 7 })).toBeNull();
});
