import { execa } from 'execa';
import { REPOSITORY } from '../stack/paths.js';
import { eventually } from './harness/eventually.js';
import { ask } from './harness/graphql.js';
import { runOracleAll } from './harness/oracle.js';
import { kafkaClasspath, settle } from './harness/settled.js';
import { schemathesis } from './harness/schemathesis.js';
import { Drivers, STORES } from './harness/stores.js';
import { startStack, type TestStack } from './harness/stack.js';

/** Events of the big comparison; `npm run soak` asks for a million. */
const EVENTS = Number(process.env['TIDEMARK_TEST_EVENTS'] ?? '30000');

describe('four stores, one truth', () => {
  let stack: TestStack;
  let drivers: Drivers;
  beforeAll(async () => {
    stack = await startStack({ without: ['generator'] });
    drivers = new Drivers(stack);
  }, 600_000);
  afterAll(async () => {
    await drivers?.close();
    await stack?.stop();
  }, 60_000);

  const cli = (...args: string[]): Promise<unknown> =>
    execa('node', ['bin/tidemark.mjs', ...args], {
      cwd: REPOSITORY,
      env: { KAFKA_BROKERS: stack.kafkaBrokers, TIDEMARK_URL: stack.graphqlUrl },
    });

  /** Oracle's rows as `<kind> <business key>` → value. */
  async function oracle(): Promise<Map<string, unknown>> {
    const rows = await runOracleAll({ classpath: await kafkaClasspath(), brokers: stack.kafkaBrokers });
    return new Map(rows.map((row) => [`${row.kind} ${row.business_key}`, row.calculated_value]));
  }

  /** What differs, in words: a whole map of 30,000 would bury it. */
  const differences = (expected: Map<string, unknown>, found: Map<string, unknown>): string[] => {
    const canonical = (value: unknown): string =>
      JSON.stringify(Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
    return [...new Set([...expected.keys(), ...found.keys()])]
      .filter(
        (key) => !expected.has(key) || !found.has(key) || canonical(expected.get(key)) !== canonical(found.get(key)),
      )
      .map((key) => `${key}: ${canonical(expected.get(key))} / ${canonical(found.get(key))}`);
  };

  const compare = async (
    kind: string,
    businessKey: string,
  ): Promise<{ store: string; present: boolean; value: { value: Record<string, unknown> } | null }[]> => {
    const { data, errors } = await ask(
      stack.graphqlUrl,
      'query ($kind: String!, $key: ID!) { compareStores(kind: $kind, businessKey: $key) { store present value { value } } }',
      { kind, key: businessKey },
    );
    expect(errors).toBeUndefined();
    return data.compareStores as never;
  };

  test('the worked example and its anomalies come out of all four stores alike', async () => {
    await cli('produce', '--shift-to-now', 'test/fixtures/worked-example.jsonl');
    await settle(stack);
    await drivers.caughtUp(stack);
    const expected = await oracle();
    expect(
      [...expected.keys()]
        .filter((key) => key.startsWith('anomaly '))
        .map((key) => key.split(':')[0])
        .sort(),
    ).toEqual(expect.arrayContaining(['anomaly HIGH_AMOUNT', 'anomaly LARGE_ORDER', 'anomaly LARGE_ORDER']));
    for (const [id, value] of expected) {
      const [kind = '', ...key] = id.split(' ');
      const answers = await compare(kind, key.join(' '));
      expect(answers.map(({ store, present, value: answer }) => [store, present, answer?.value])).toEqual(
        STORES.map((store) => [store, true, value]),
      );
    }
  }, 180_000);

  test('a value altered in one store by its own driver changes that answer, and no other', async () => {
    const key =
      [...(await drivers.all('POSTGRES')).keys()].find((id) => id.startsWith('order_window 005930@'))?.split(' ')[1] ??
      '';
    for (const [n, altered] of STORES.entries()) {
      const before = (await compare('order_window', key)).map(({ value }) => value?.value['orders_total']);
      await drivers.alter(altered, key, 1_000 + n);
      await eventually(async () => {
        const after = (await compare('order_window', key)).map(({ value }) => value?.value['orders_total']);
        expect(after).toEqual(before.map((total, store) => (store === n ? 1_000 + n : total)));
      });
    }
    // Mended by hand, so that the comparisons that follow begin with equal stores.
    for (const store of STORES) await drivers.alter(store, key, 3);
  }, 60_000);

  test(`${EVENTS} events: every row of every kind equals the oracle in all four stores`, async () => {
    await cli(
      'generate',
      '--seed',
      '7',
      '--rate',
      '0',
      '--count',
      String(EVENTS),
      '--backfill-minutes',
      '0',
      '--late',
      '0.02',
      '--symbols',
      '300',
    );
    await settle(stack, 900_000);
    await drivers.caughtUp(stack, 900_000);
    const expected = await oracle();
    const kinds = new Set([...expected.keys()].map((key) => key.split(' ')[0]));
    expect([...kinds].sort()).toEqual(['anomaly', 'order', 'order_window']);
    for (const store of STORES) expect([store, differences(expected, await drivers.all(store))]).toEqual([store, []]);
  }, 1_800_000);

  test('Schemathesis finds no server error in the whole surface', async () => {
    const { exitCode, output } = await schemathesis(stack.graphqlUrl, 12);
    expect(output).toMatch(/Tested: 1[0-9]/);
    expect([exitCode, exitCode === 0 ? '' : output]).toEqual([0, '']);
  }, 300_000);

  test('every server killed -9 in turn under load: all four stores are equal in the end, and nothing is resurrected', async () => {
    const load = cli(
      'generate',
      '--seed',
      '13',
      '--rate',
      '200',
      '--count',
      '9000',
      '--backfill-minutes',
      '0',
      '--symbols',
      '100',
    );
    for (const name of ['mongodb', 'elasticsearch', 'clickhouse', 'connect', 'postgres', 'server'] as const) {
      await stack.processes[name].crash();
      // The next one falls once this one is back: a store that answers, and a server that says so.
      await eventually(
        async () =>
          expect(
            (await fetch(`${stack.serverUrl}/readyz`, { signal: AbortSignal.timeout(5_000) })).json(),
          ).resolves.toEqual({ ready: true, reasons: [] }),
        { timeoutMs: 90_000, everyMs: 500 },
      );
    }
    await load;
    await settle(stack);
    await drivers.caughtUp(stack);
    const truth = await drivers.all('POSTGRES');
    expect(truth.size).toBeGreaterThan(EVENTS / 2);
    for (const store of STORES) expect([store, differences(truth, await drivers.all(store))]).toEqual([store, []]);
    expect(differences(await oracle(), truth)).toEqual([]);
  }, 600_000);
});
