import { execa } from 'execa';
import { REPOSITORY } from '../stack/paths.js';
import { always, eventually } from './harness/eventually.js';
import { ask, CONTRACT, WHOLE_WINDOW, WINDOW_FIELDS } from './harness/graphql.js';
import { produce } from './harness/kafka.js';
import { runOracle } from './harness/oracle.js';
import { allHeard, kafkaClasspath, mongoRows, resultMessages, settle, truthRows } from './harness/settled.js';
import { startStack, type TestStack } from './harness/stack.js';

const STORES = ['POSTGRES', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'];
const LEVELS = ['HIGH', 'EVENTUALLY_CONSISTENT', 'LOW'];
const connector = (stack: TestStack, action: 'pause' | 'resume'): Promise<Response> =>
  fetch(`${stack.connectUrl}/connectors/tidemark-commit-log/${action}`, { method: 'PUT' });
const cli = (stack: TestStack, ...args: string[]): Promise<unknown> =>
  execa('node', ['bin/tidemark.mjs', ...args], {
    cwd: REPOSITORY,
    env: { KAFKA_BROKERS: stack.kafkaBrokers, TIDEMARK_URL: stack.graphqlUrl },
  });

/** A source event of somebody's own. */
let events = 0;
function event(symbol: string, eventTimeMs: number, price = '100'): { key: string; value: string } {
  events += 1;
  const time = new Date(eventTimeMs).toISOString();
  return {
    key: symbol,
    value: JSON.stringify({
      event_id: `00000000-0000-4000-8000-${String(events).padStart(12, '0')}`,
      order_id: `test-${events}`,
      symbol,
      side: 'BUY',
      quantity: 1,
      price,
      status: 'PENDING',
      op: 'c',
      event_time: time,
      produce_time: time,
      version: 1,
    }),
  };
}
const WINDOW_MS = 300_000;
/** The declared bound: older than this is called stale. */
const STALE_MS = 5_000;
const windowStart = (ms: number): number => Math.floor(ms / WINDOW_MS) * WINDOW_MS;
const keyAt = (symbol: string, ms: number): string => `${symbol}@${new Date(windowStart(ms)).toISOString()}`;

describe('one result kind, from topic to contract, on real servers', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startStack({ without: ['generator'] });
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  /** One window at one scope: its fields, or null. */
  async function windowOf(
    key: string,
    scope: 'STRONG' | 'EVENTUAL',
  ): Promise<Record<string, Record<string, unknown>> | null> {
    const [symbol, at] = key.split('@');
    const answer = await ask(
      stack.graphqlUrl,
      `query ($symbol: String!, $at: DateTime!) @consistency(scope: ${scope}) { orderWindow(symbol: $symbol, at: $at) { ${WHOLE_WINDOW} } }`,
      { symbol, at },
    );
    expect(answer.errors).toBeUndefined();
    return answer.data.orderWindow as Record<string, Record<string, unknown>> | null;
  }
  const total = async (key: string, scope: 'STRONG' | 'EVENTUAL'): Promise<Record<string, unknown>> =>
    (await windowOf(key, scope))?.['ordersTotal'] ?? {};
  /** What MongoDB's answers claim of many windows: one operation per 20 of them. */
  async function claims(keys: readonly string[]): Promise<Map<string, { level: string; reasons: string[] }>> {
    const found = new Map<string, { level: string; reasons: string[] }>();
    for (let from = 0; from < keys.length; from += 20) {
      const some = keys.slice(from, from + 20);
      const fields = some.map((key, i) => {
        const [symbol, at] = key.split('@');
        return `w${i}: orderWindow(symbol: "${symbol}", at: "${at}") { ordersTotal { confidenceLevel reasons { code } } }`;
      });
      const { data, errors } = await ask(stack.graphqlUrl, `{ ${fields.join('\n')} }`);
      expect(errors).toBeUndefined();
      some.forEach((key, i) => {
        const field = data[`w${i}`].ordersTotal as Record<string, unknown>;
        found.set(key, { level: String(field['confidenceLevel']), reasons: codes(field) });
      });
    }
    return found;
  }
  const codes = (field: Record<string, unknown>): string[] =>
    (field['reasons'] as { code: string }[]).map(({ code }) => code);

  test('the worked example comes out of Postgres and MongoDB as published, each field with its contract', async () => {
    const before = Date.now();
    await cli(stack, 'produce', '--shift-to-now', 'test/fixtures/worked-example.jsonl');
    await settle(stack).then(() => allHeard(stack));
    const expected: Record<string, [number, number, number, string, string, string, string]> = {
      '005930': [3, 2, 1, '84850000', '73000', '72000', '74000'],
      '000660': [1, 1, 0, '144000000', '180000', '180000', '180000'],
      '035420': [1, 1, 0, '6450000', '215000', '215000', '215000'],
      '035720': [1, 1, 0, '90000000', '450000', '450000', '450000'],
    };
    const stored = await truthRows(stack.postgresUrl);
    for (const [symbol, values] of Object.entries(expected)) {
      const key = [...stored.keys()].find((k) => k.startsWith(`${symbol}@`)) ?? '';
      expect(Date.parse(key.split('@')[1] ?? '')).toBeGreaterThanOrEqual(windowStart(before));
      for (const [scope, store] of [
        ['STRONG', 'POSTGRES'],
        ['EVENTUAL', 'MONGODB'],
      ] as const) {
        const window = await windowOf(key, scope);
        expect(WINDOW_FIELDS.slice(3).map((field) => window?.[field]?.['value'])).toEqual(values);
        for (const field of WINDOW_FIELDS) {
          expect(window?.[field]).toMatchObject({
            confidenceLevel: 'EVENTUALLY_CONSISTENT',
            consistencyScope: scope,
            processingEngine: 'KAFKA_ONLY',
            servedBy: store,
            stale: false,
            lastCheckpointTime: null,
            reasons: [{ code: 'NO_CHECKPOINT', message: expect.any(String) }],
            stalenessMs: expect.any(Number),
            asOf: expect.any(String),
            lastCdcSyncTime: expect.any(String),
            position: expect.any(String),
            provenAt: expect.any(String),
          });
        }
      }
    }
    const compared = await ask(
      stack.graphqlUrl,
      `query ($key: ID!) { compareStores(kind: "order_window", businessKey: $key) { store present value { value ${CONTRACT} } } }`,
      { key: [...stored.keys()].find((k) => k.startsWith('005930@')) },
    );
    const answers = compared.data.compareStores as { store: string; present: boolean; value: { value: object } }[];
    expect(answers.map(({ store, present }) => [store, present])).toEqual(STORES.map((store) => [store, true]));
    for (const { value } of answers) expect(value.value).toEqual(answers[0]?.value.value);
    expect(answers[0]?.value.value).toMatchObject({
      orders_total: 3,
      orders_buy: 2,
      orders_sell: 1,
      total_amount: '84850000',
    });
  }, 120_000);

  test('15,000 generated events, with duplicates, disorder and late ones, equal the oracle exactly in both stores', async () => {
    await cli(
      stack,
      'generate',
      '--seed',
      '7',
      '--rate',
      '0',
      '--count',
      '15000',
      '--backfill-minutes',
      '0',
      '--duplicates',
      '0.05',
      '--out-of-order',
      '0.2',
      '--late',
      '0.02',
      '--symbols',
      '300',
    );
    await settle(stack);
    const oracle = await runOracle({ classpath: await kafkaClasspath(), brokers: stack.kafkaBrokers });
    const expected = new Map([...oracle].map(([key, row]) => [key, row['calculated_value']]));
    expect(expected.size).toBeGreaterThanOrEqual(300);
    const values = (rows: Map<string, { calculated_value?: unknown }>): Map<string, unknown> =>
      new Map([...rows].map(([key, row]) => [key, row.calculated_value]));
    const truth = await truthRows(stack.postgresUrl);
    expect(values(truth)).toEqual(expected);
    expect(values(await mongoRows(stack.mongoUrl))).toEqual(expected);
    expect([...truth.values()].filter(({ cap }) => cap === 'LOW')).toEqual([]);
  }, 240_000);

  test('with the connector paused MongoDB says so of changed keys within a second, and never less than the truth', async () => {
    const now = Date.now();
    const [changed, untouched] = [keyAt('PAUSED', now), keyAt('CALM', now)];
    await produce(stack.kafkaBrokers, 'orders.events', [event('PAUSED', now), event('CALM', now)]);
    await settle(stack);
    expect(await total(changed, 'EVENTUAL')).toMatchObject({ value: 1, confidenceLevel: 'EVENTUALLY_CONSISTENT' });
    await connector(stack, 'pause');
    await eventually(async () => {
      const status = await fetch(`${stack.connectUrl}/connectors/tidemark-commit-log/status`).then(
        (r) => r.json() as Promise<{ tasks: { state: string }[] }>,
      );
      expect(status.tasks.map(({ state }) => state)).toEqual(['PAUSED']);
    });
    await produce(stack.kafkaBrokers, 'orders.events', [event('PAUSED', now)]);
    // From the moment that Postgres holds the change, not one answer of MongoDB may claim to be current.
    await eventually(async () => expect(await total(changed, 'STRONG')).toMatchObject({ value: 2 }), {
      timeoutMs: 10_000,
    });
    const acceptedBy = Date.now();
    let last = -1;
    await always(
      async () => {
        const field = await total(changed, 'EVENTUAL');
        const seenAt = Date.now();
        expect(field).toMatchObject({ value: 1, confidenceLevel: 'EVENTUALLY_CONSISTENT', provenAt: null });
        expect(codes(field)).toEqual(['NO_CHECKPOINT', 'STORE_BEHIND']);
        // The write was accepted before `acceptedBy`: what is claimed covers at least the time since, minus the answer's way.
        expect(field['stalenessMs']).toBeGreaterThan(last);
        expect(field['stalenessMs']).toBeGreaterThanOrEqual(seenAt - acceptedBy - 1_000);
        last = Number(field['stalenessMs']);
        expect(codes(await total(untouched, 'EVENTUAL'))).toEqual(['NO_CHECKPOINT']);
        expect(await total(changed, 'STRONG')).toMatchObject({ value: 2, consistencyScope: 'STRONG' });
      },
      { forMs: 3_000, everyMs: 100 },
    );
    await eventually(async () => expect(await total(changed, 'EVENTUAL')).toMatchObject({ stale: true }), {
      timeoutMs: 10_000,
    });
    await connector(stack, 'resume');
    await eventually(
      async () => {
        const field = await total(changed, 'EVENTUAL');
        expect(field).toMatchObject({ value: 2, stale: false, provenAt: expect.any(String) });
        expect(codes(field)).toEqual(['NO_CHECKPOINT']);
      },
      { timeoutMs: 20_000 },
    );
    await eventually(
      async () => {
        const { data } = await ask(stack.graphqlUrl, '{ stores { store stalenessMs } }');
        const late = (data.stores as { stalenessMs: number }[]).filter(({ stalenessMs }) => stalenessMs >= 1_000);
        expect(late).toEqual([]);
      },
      { timeoutMs: 20_000 },
    );
  }, 120_000);

  test('idle for a minute: nothing is called stale, behind or stopped', async () => {
    await settle(stack);
    await always(
      async () => {
        const answer = await ask(
          stack.graphqlUrl,
          `{ stores { store healthy behindBy stalenessMs detail } pipelines { state }
             orderWindows(last: 50) { contract { confidenceLevel stale reasons { code } } edges { node { ordersTotal { confidenceLevel stale stalenessMs reasons { code } } } } } }`,
        );
        expect(answer.errors).toBeUndefined();
        expect(answer.data.stores).toEqual(
          STORES.map((store) => ({
            store,
            healthy: true,
            behindBy: '0',
            stalenessMs: expect.any(Number),
            detail: null,
          })),
        );
        const stores = answer.data.stores as { stalenessMs: number }[];
        expect(stores.filter(({ stalenessMs }) => stalenessMs >= STALE_MS)).toEqual([]);
        expect(answer.data.pipelines).toEqual([{ state: 'RUNNING' }]);
        const { contract, edges } = answer.data.orderWindows;
        expect(contract).toEqual({
          confidenceLevel: 'EVENTUALLY_CONSISTENT',
          stale: false,
          reasons: [{ code: 'NO_CHECKPOINT' }],
        });
        expect(edges).toHaveLength(50);
        for (const { node } of edges as { node: { ordersTotal: Record<string, unknown> } }[]) {
          expect(LEVELS.indexOf(String(node.ordersTotal['confidenceLevel']))).toBeLessThanOrEqual(1);
          expect(codes(node.ordersTotal)).not.toEqual(expect.arrayContaining(['STORE_BEHIND']));
          expect(Number(node.ordersTotal['stalenessMs'])).toBeLessThan(STALE_MS);
        }
      },
      { forMs: 60_000, everyMs: 1_000 },
    );
  }, 120_000);

  test('a late event marks its window stale; a too-late one makes it LOW', async () => {
    // In the next window, so that nothing else has moved its watermark. Later tests begin after it.
    const start = windowStart(Date.now()) + WINDOW_MS;
    const key = keyAt('LATE', start);
    const steps = [
      event('LATE', start + 1_000),
      event('LATE', start + WINDOW_MS + 15_000),
      event('LATE', start + 2_000),
    ];
    for (const step of steps) await produce(stack.kafkaBrokers, 'orders.events', [step]);
    await settle(stack);
    for (const scope of ['STRONG', 'EVENTUAL'] as const) {
      const field = await total(key, scope);
      expect(field).toMatchObject({ value: 2, stale: true, confidenceLevel: 'EVENTUALLY_CONSISTENT' });
      expect(codes(field)).toEqual(['NO_CHECKPOINT', 'LATE_UPDATE']);
    }
    await produce(stack.kafkaBrokers, 'orders.events', [event('LATE', start + WINDOW_MS + 75_000)]);
    await produce(stack.kafkaBrokers, 'orders.events', [event('LATE', start + 3_000)]);
    await settle(stack);
    const dropped = await total(key, 'STRONG');
    expect(dropped).toMatchObject({ value: 2, confidenceLevel: 'LOW' });
    expect(codes(dropped)).toEqual(['NO_CHECKPOINT', 'LATE_UPDATE', 'VIOLATION_LATE_DROPPED']);
  }, 120_000);

  test('the processor killed -9 mid-window: what two runs touched or may have begun before is LOW, nothing else is, nothing wrong is anything else', async () => {
    const generating = cli(
      stack,
      'generate',
      '--seed',
      '11',
      '--rate',
      '400',
      '--count',
      '6000',
      '--backfill-minutes',
      '0',
      '--symbols',
      '150',
    );
    const before = new Set((await truthRows(stack.postgresUrl)).keys());
    await eventually(async () => expect((await truthRows(stack.postgresUrl)).size).toBeGreaterThan(before.size - 1));
    await stack.processes.processor.crash();
    await generating;
    // Own keys that begin after the new run, two windows ahead: they must not be suspected.
    const ahead = windowStart(Date.now()) + 6 * WINDOW_MS;
    await settle(stack);
    await produce(stack.kafkaBrokers, 'orders.events', [event('AFTER', ahead)]);
    await settle(stack);
    const truth = await truthRows(stack.postgresUrl);
    const messages = await resultMessages(stack);
    const suspects = suspectKeys(messages);
    const present = [...truth.values()].filter(({ deleted }) => !deleted);
    const served = await claims(present.map(({ business_key: key }) => key));
    const low = [...served].filter(([, { reasons }]) => reasons.includes('RESTART_DUPLICATION')).map(([key]) => key);
    expect(
      [...served].filter(
        ([key, { level }]) => level === 'LOW' && !low.includes(key) && !droppedFrom(messages).has(key),
      ),
    ).toEqual([]);
    expect(low.length).toBeGreaterThan(100);
    expect(low.sort()).toEqual([...suspects].filter((key) => truth.has(key)).sort());
    expect(truth.get(keyAt('AFTER', ahead))).toMatchObject({
      cap: 'EVENTUALLY_CONSISTENT',
      reasons: ['NO_CHECKPOINT'],
    });
    const oracle = await runOracle({ classpath: await kafkaClasspath(), brokers: stack.kafkaBrokers });
    const wrong = [...oracle].filter(
      ([key, row]) =>
        JSON.stringify(sorted(truth.get(key)?.calculated_value)) !== JSON.stringify(sorted(row['calculated_value'])),
    );
    // An absent window is a null: its contract is the absence's own row.
    const levelOf = (key: string): string | undefined => served.get(key)?.level ?? truth.get(key)?.cap;
    expect(wrong.filter(([key]) => levelOf(key) !== 'LOW')).toEqual([]);
    const mongo = await mongoRows(stack.mongoUrl);
    for (const [key, row] of truth) {
      expect(mongo.get(key)).toMatchObject({
        calculated_value: row.calculated_value,
        confidence_level: row.cap,
        reasons: row.reasons,
      });
    }
  }, 240_000);
});

/** Windows that the processor says it dropped an event of. */
const droppedFrom = (records: Awaited<ReturnType<typeof resultMessages>>): Set<string> =>
  new Set(records.flatMap(({ message }) => (message.kind === '_late_dropped' ? [message.business_key] : [])));

const sorted = (value: unknown): unknown => Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

/**
 * From the result topic alone, without a line of the server: the keys of which it can't be told whether each event was
 * counted once. Records after a later run's assignment of their source partition don't count: they are refused.
 */
function suspectKeys(records: Awaited<ReturnType<typeof resultMessages>>): Set<string> {
  const suspects = new Set<string>();
  const owner = new Map<string, { run: string; start: number; before: string | null }>();
  const last = new Map<string, { run: string; final: boolean; source: string; partition: number }>();
  for (const { partition, message } of [...records].sort(
    (a, b) => a.partition - b.partition || Number(a.offset - b.offset),
  )) {
    const run = message.run.id;
    if (message.kind === '_assignment') {
      const value = message.calculated_value as {
        source_partition: number;
        start_offset: number;
        max_event_time_before: string | null;
      };
      const source = String(value.source_partition);
      owner.set(`${partition}/${source}`, { run, start: value.start_offset, before: value.max_event_time_before });
      for (const [key, row] of last) {
        if (row.partition === partition && row.source === source && row.run !== run && !row.final) suspects.add(key);
      }
    }
    if (message.kind !== 'order_window') continue;
    const [source = ''] = Object.keys(message.evidence?.coverage ?? {});
    const owned = owner.get(`${partition}/${source}`);
    if (owned?.run !== run) continue;
    const key = message.business_key;
    const begins = String(message.calculated_value['window_start']);
    if (owned.start > 0 && (owned.before === null || begins <= owned.before)) suspects.add(key);
    if ((last.get(key)?.run ?? run) !== run) suspects.add(key);
    last.set(key, { run, final: message.final ?? false, source, partition });
  }
  return suspects;
}
