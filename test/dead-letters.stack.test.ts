/**
 * Poison in the source, on real servers: every record is accounted for, and a person brings confidence back. And on the same servers, since
 * they have nothing else to do then: whatever stands still is told from what is idle, and why.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { Pool } from 'pg';
import { parseEventText } from '../wire/parse-event.js';
import { REPOSITORY } from '../stack/paths.js';
import { eventually } from './harness/eventually.js';
import { ask } from './harness/graphql.js';
import { endOffsets, produce, readTopic } from './harness/kafka.js';
import { causesOf, clockOf, livenessTrials, toldCauses } from './harness/liveness.js';
import { runOracle } from './harness/oracle.js';
import { kafkaClasspath, settle, truthRows } from './harness/settled.js';
import { startStack, type TestStack } from './harness/stack.js';

const SOURCE = 'orders.events';
let stack: TestStack;
/** In which the offset of the server's clock stands. */
const folder = mkdtempSync(join(tmpdir(), 'tidemark-clock-'));
const clockFile = join(folder, 'clock');
beforeAll(async () => {
  stack = await startStack({ without: ['generator'], overrides: { server: clockOf(clockFile) } });
}, 600_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

let events = 0;
function event(symbol: string, at: number): { key: string; value: string } {
  const id = String(++events).padStart(12, '0');
  const time = new Date(at).toISOString();
  const fields = { side: 'BUY', quantity: 1, price: '100', status: 'PENDING', op: 'c', version: 1 };
  const ids = { event_id: `00000000-0000-4000-8000-${id}`, order_id: `own-${events}`, symbol };
  return { key: symbol, value: JSON.stringify({ ...ids, ...fields, event_time: time, produce_time: time }) };
}
const broken = ({ key, value }: ReturnType<typeof event>): ReturnType<typeof event> => ({
  key,
  value: value.slice(0, 40),
});

/** What MongoDB's answer says of the window and of the symbol's first order: value, level, reasons. */
async function claims(symbol: string, orderId: string, at: number): Promise<unknown[]> {
  const fields = 'value confidenceLevel reasons { code }';
  const { data, errors } = await ask(
    stack.graphqlUrl,
    `query ($symbol: String!, $at: DateTime!, $id: ID!) {
       orderWindow(symbol: $symbol, at: $at) { it: ordersTotal { ${fields} } } order(orderId: $id) { it: version { ${fields} } } }`,
    { symbol, at: new Date(at).toISOString(), id: orderId },
  );
  expect(errors).toBeUndefined();
  return [data.orderWindow, data.order].map((result) => {
    const { value, confidenceLevel, reasons } = result.it as {
      value: number;
      confidenceLevel: string;
      reasons: { code: string }[];
    };
    return [value, confidenceLevel, reasons.map(({ code }) => code).filter((code) => code.startsWith('VIOLATION'))];
  });
}

interface Letter {
  readonly id: string;
  readonly partition: number;
  readonly offset: string;
}

test('a broken record lowers what it could belong to and nothing else; its mended replay is counted once, and confidence returns', async () => {
  const now = Date.now();
  await produce(stack.kafkaBrokers, SOURCE, [event('DEAD', now), event('CALM', now)]);
  await settle(stack);
  const lost = event('DEAD', now);
  await produce(stack.kafkaBrokers, SOURCE, [broken(lost)]);
  const provisional = (value: number): unknown[] => [value, 'EVENTUALLY_CONSISTENT', []];
  const low = (value: number): unknown[] => [value, 'LOW', ['VIOLATION_DEAD_LETTER']];
  await eventually(async () => expect(await claims('DEAD', 'own-1', now)).toEqual([low(1), low(1)]), {
    timeoutMs: 30_000,
  });
  expect(await claims('CALM', 'own-2', now)).toEqual([provisional(1), provisional(1)]);
  const { data } = await ask(
    stack.graphqlUrl,
    '{ deadLetters { edges { node { id topic kafkaKey cause payload state settledAt } } } }',
  );
  const [{ node }] = data.deadLetters.edges as [{ node: { id: string } }];
  const { value } = broken(lost);
  expect(data.deadLetters.edges).toEqual([
    {
      node: {
        id: node.id,
        topic: SOURCE,
        kafkaKey: 'DEAD',
        cause: 'BAD_JSON',
        payload: value,
        state: 'OPEN',
        settledAt: null,
      },
    },
  ]);
  const replay = () =>
    ask(
      stack.graphqlUrl,
      'mutation ($ids: [ID!]!, $payload: String) { replayDeadLetter(ids: $ids, payload: $payload) { state } }',
      {
        ids: [node.id],
        payload: lost.value,
      },
    );
  const answers = await Promise.all([replay(), replay()]);
  for (const answer of [...answers, await replay()])
    expect(answer.data).toEqual({ replayDeadLetter: [{ state: 'REPLAYED' }] });
  await eventually(async () => expect(await claims('DEAD', 'own-1', now)).toEqual([provisional(2), provisional(1)]), {
    timeoutMs: 60_000,
  });
  // Two of our own, the broken one, and one replay.
  expect((await endOffsets(stack.kafkaBrokers, SOURCE)).reduce((a, b) => a + b, 0)).toBe(4);
}, 180_000);

test('with generated poison every record is counted, a duplicate, or dead; dismissed in bulk, nothing is held against anything', async () => {
  const options = ['--seed', '5', '--rate', '0', '--count', '3000', '--backfill-minutes', '0', '--poison', '0.03'];
  await execa('node', ['bin/tidemark.mjs', 'generate', ...options, '--duplicates', '0.05'], {
    cwd: REPOSITORY,
    env: { KAFKA_BROKERS: stack.kafkaBrokers },
  });
  await settle(stack);
  const count = (await endOffsets(stack.kafkaBrokers, SOURCE)).reduce((a, b) => a + b, 0);
  const records = await readTopic(stack.kafkaBrokers, SOURCE, count, 60_000);
  const undecodable = records.filter(({ value }) => parseEventText(value ?? '').kind === 'broken');
  expect(undecodable.length).toBeGreaterThan(50);
  const pool = new Pool({ connectionString: stack.postgresUrl, max: 1 });
  try {
    const { rows: letters } = await pool.query<Letter>(
      'select id, partition, record_offset as offset from dead_letters',
    );
    const place = (at: { partition: number; offset: bigint | string }): string => `${at.partition}/${at.offset}`;
    expect(letters.map(place).sort()).toEqual(undecodable.map(place).sort());
    // All the others are in the windows, each once: they equal the fold of all that can be decoded.
    const oracle = await runOracle({ classpath: await kafkaClasspath(), brokers: stack.kafkaBrokers });
    const truth = await truthRows(stack.postgresUrl);
    expect(new Map([...truth].map(([key, row]) => [key, row.calculated_value]))).toEqual(
      new Map([...oracle].map(([key, row]) => [key, row['calculated_value']])),
    );
    const held = [...truth.values()].filter(({ reasons }) => reasons.includes('VIOLATION_DEAD_LETTER'));
    expect([held.length > 10, held.every(({ cap }) => cap === 'LOW')]).toEqual([true, true]);
    const { data } = await ask(
      stack.graphqlUrl,
      'mutation ($ids: [ID!]!) { dismissDeadLetter(ids: $ids) { state settledAt } }',
      { ids: letters.map(({ id }) => id) },
    );
    const states = (data.dismissDeadLetter as { state: string; settledAt: string | null }[]).map(({ state }) => state);
    expect(states.sort()).toEqual([...undecodable.slice(1).map(() => 'DISMISSED'), 'REPLAYED']);
    await eventually(
      async () => {
        const { rows } = await pool.query(`select from results where 'VIOLATION_DEAD_LETTER' = any(reasons)`);
        expect(rows).toHaveLength(0);
      },
      { timeoutMs: 30_000 },
    );
  } finally {
    await pool.end();
  }
}, 240_000);

test('idle, paused, failed, unread, under pressure, held up by a transaction, a clock that is off: 5 trials each, and nothing is taken for anything else', async () => {
  const trials = await livenessTrials(stack, clockFile, 5, ({ kind, tookMs, dueMs }) =>
    // How soon is judged on a quiet machine (`npm run soak -- --liveness 100`).
    process.stderr.write(`${kind}: ${Math.round(tookMs)} of ${dueMs} ms\n`),
  );
  expect(trials.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
  expect(trials).toHaveLength(45);
  const { causes, unread } = await toldCauses(stack.postgresUrl);
  expect(causes).toEqual(causesOf(trials));
  expect(unread).toBeGreaterThanOrEqual(5);
}, 900_000);
