/**
 * What is in doubt is recomputed from the source, and the state that was wrong is replaced, seen on the whole stack. The tests run in
 * this order on one stack; each has symbols of its own, and no event is newer than any of another test unless it says so.
 */
import { Pool } from 'pg';
import type { JobControl } from '../stack/flink/control.js';
import { partitionOf } from '../wire/partition.js';
import { eventually } from './harness/eventually.js';
import type { Engine } from './harness/flink.js';
import { ask } from './harness/graphql.js';
import { deleteRecords, endOffsets, openTransactions, produce, untilWritten } from './harness/kafka.js';
import { kafkaClasspath } from './harness/settled.js';
import { startStack, type TestStack } from './harness/stack.js';

const WINDOW_MS = 300_000;
/** All windows of these tests but the late ones begin here, and are never closed. */
const NOW_MS = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS;
const LONG_AGO_MS = NOW_MS - 12 * WINDOW_MS;
const ENGINES = ['FLINK', 'KAFKA_ONLY'] as const;
const WAIT = { timeoutMs: 180_000, everyMs: 250 };

let stack: TestStack;
let flink: JobControl;
let pool: Pool;

beforeAll(async () => {
  stack = await startStack({ without: ['generator'], flink: {}, reprocessing: true });
  flink = stack.flink!;
  pool = new Pool({ connectionString: stack.postgresUrl, max: 1 });
}, 900_000);
afterAll(async () => {
  await pool?.end();
  await stack?.stop();
}, 120_000);

let ids = 0;
/** A created order of one share. */
function order(symbol: string, atMs: number, quantity = 1): { key: string; value: string; id: string } {
  ids += 1;
  const time = new Date(atMs + ids).toISOString();
  const id = `${symbol}-${ids}`;
  const event = {
    event_id: `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`,
    order_id: id,
    symbol,
    side: 'BUY',
    quantity,
    price: '100',
    status: 'PENDING',
    op: 'c',
    event_time: time,
    produce_time: time,
    version: 1,
  };
  return { key: symbol, value: JSON.stringify(event), id };
}
const send = (...orders: readonly { key: string; value: string }[]): Promise<void> =>
  produce(
    stack.kafkaBrokers,
    'orders.events',
    orders.map(({ key, value }) => ({ key, value })),
  );

interface Seen {
  readonly total: number | null;
  readonly level: string;
  readonly reasons: readonly string[];
}

/** The window as a client reads it from the source of truth; of a null its contract. */
async function window(symbol: string, engine: Engine, atMs = NOW_MS): Promise<Seen> {
  const { data, errors, extensions } = await ask(
    stack.graphqlUrl,
    `query @consistency(scope: STRONG) { orderWindow(symbol: "${symbol}", at: "${new Date(atMs).toISOString()}", engine: ${engine}) {
      ordersTotal { value confidenceLevel reasons { code } } } }`,
  );
  expect(errors).toBeUndefined();
  const total = data.orderWindow?.ordersTotal ?? null;
  if (total === null) {
    const [contract] = extensions.consistency.contracts as { confidenceLevel: string; reasons: string[] }[];
    return { total, level: contract!.confidenceLevel, reasons: contract!.reasons };
  }
  const reasons = (total.reasons as { code: string }[]).map(({ code }) => code);
  return { total: total.value as number, level: total.confidenceLevel as string, reasons };
}
const high = (total: number): Seen => ({ total, level: 'HIGH', reasons: [] });
const becomes = (symbol: string, engine: Engine, seen: Seen, atMs = NOW_MS): Promise<void> =>
  eventually(async () => expect([engine, await window(symbol, engine, atMs)]).toEqual([engine, seen]), WAIT);

interface Request {
  readonly state: string;
  readonly reason: string;
  readonly code: string | null;
}
const requests = async (businessKey: string, engine: Engine): Promise<readonly Request[]> =>
  (
    await pool.query<Request>(
      'select state, reason, code from reprocessing_requests where business_key = $1 and engine = $2 order by id',
      [businessKey, engine],
    )
  ).rows;
const keyAt = (symbol: string, atMs = NOW_MS): string => `${symbol}@${new Date(atMs).toISOString()}`;

interface Row {
  readonly cause: string;
  readonly cap: string;
  readonly reasons: readonly string[];
  readonly total: number;
}
const row = async (symbol: string, engine: Engine): Promise<Row | undefined> =>
  (
    await pool.query<Row>(
      `select cause, cap, reasons, (calculated_value ->> 'orders_total')::int as total from results
       where kind = 'order_window' and business_key = $1 and engine = $2`,
      [keyAt(symbol), engine],
    )
  ).rows[0];

/**
 * Orders one after the other until the engine's own word for the window is taken for what it is worth without a taint. One is enough
 * unless it is folded before the command: then the window is in doubt once more, verified and reset once more.
 */
async function untilTrusted(symbol: string, engine: Engine, from: number, worth: Pick<Row, 'cap' | 'reasons'>) {
  for (let total = from + 1; total <= from + 10; total++) {
    await send(order(symbol, NOW_MS));
    const found = await eventually(async () => {
      const now = await row(symbol, engine);
      expect([now?.total, now?.cap === 'LOW']).toEqual([total, false]);
      return now!;
    }, WAIT);
    if (found.cause === 'IN_ORDER') {
      expect(found).toMatchObject(worth);
      return;
    }
  }
  throw new Error(`${symbol}: whatever ${engine} emits is in doubt`);
}

test('an event too late for its window is counted in the end, and the window HIGH, in both engines; a late duplicate is no violation', async () => {
  const first = order('LATE', LONG_AGO_MS);
  await send(first);
  await send(order('LATE', LONG_AGO_MS + 4 * WINDOW_MS));
  for (const engine of ENGINES)
    await eventually(async () => expect((await window('LATE', engine, LONG_AGO_MS)).total).toBe(1), WAIT);
  await send(order('LATE', LONG_AGO_MS));
  for (const engine of ENGINES) await becomes('LATE', engine, high(2), LONG_AGO_MS);
  const dropped = { state: 'DONE', reason: 'VIOLATION_LATE_DROPPED', code: null };
  for (const engine of ENGINES) expect(await requests(keyAt('LATE', LONG_AGO_MS), engine)).toEqual([dropped]);
  const { rows: events } = await pool.query(
    `select engine, type, level_before, level_after from staleness_events where business_key = $1
     and type in ('CONFIDENCE_LOWERED', 'CONFIDENCE_RAISED') order by engine, position`,
    [keyAt('LATE', LONG_AGO_MS)],
  );
  expect(events).toEqual([
    { engine: 'FLINK', type: 'CONFIDENCE_LOWERED', level_before: 'HIGH', level_after: 'LOW' },
    { engine: 'FLINK', type: 'CONFIDENCE_RAISED', level_before: 'LOW', level_after: 'HIGH' },
    { engine: 'KAFKA_ONLY', type: 'CONFIDENCE_LOWERED', level_before: 'EVENTUALLY_CONSISTENT', level_after: 'LOW' },
    { engine: 'KAFKA_ONLY', type: 'CONFIDENCE_RAISED', level_before: 'LOW', level_after: 'HIGH' },
  ]);

  await send(first);
  // The Kafka-only engine does not remember a closed window's orders: it says that it dropped it, and the fold says what it was.
  await eventually(
    async () => expect(await requests(keyAt('LATE', LONG_AGO_MS), 'KAFKA_ONLY')).toEqual([dropped, dropped]),
    WAIT,
  );
  await flink.checkpointsLater(2);
  for (const engine of ENGINES) await becomes('LATE', engine, high(2), LONG_AGO_MS);
  expect(await requests(keyAt('LATE', LONG_AGO_MS), 'FLINK')).toEqual([dropped]);
}, 600_000);

test('what a person asks for is verified', async () => {
  await send(order('PERSON', NOW_MS));
  await becomes('PERSON', 'KAFKA_ONLY', { total: 1, level: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] });
  const { data, errors } = await ask(
    stack.graphqlUrl,
    `mutation { requestReprocessing(engine: KAFKA_ONLY, kind: "order_window", businessKey: "${keyAt('PERSON')}") { state } }`,
  );
  expect([data, errors]).toEqual([{ requestReprocessing: { state: 'OPEN' } }, undefined]);
  await becomes('PERSON', 'KAFKA_ONLY', high(1));
}, 300_000);

test('a broken record is held against what it could belong to, in both engines, until each has counted its mended replay', async () => {
  const lost = order('DEAD', NOW_MS);
  await send(order('DEAD', NOW_MS));
  for (const engine of ENGINES)
    await eventually(async () => expect((await window('DEAD', engine)).total).toBe(1), WAIT);
  await send({ key: 'DEAD', value: lost.value.slice(0, 40) });
  for (const engine of ENGINES) {
    await eventually(async () => {
      const { level, reasons } = await window('DEAD', engine);
      expect([level, reasons]).toEqual(['LOW', expect.arrayContaining(['VIOLATION_DEAD_LETTER'])]);
    }, WAIT);
  }
  const { data } = await ask(stack.graphqlUrl, '{ deadLetters { edges { node { id kafkaKey } } } }');
  const letters = (data.deadLetters.edges as { node: { id: string; kafkaKey: string } }[]).map(({ node }) => node);
  expect(letters.map(({ kafkaKey }) => kafkaKey)).toEqual(['DEAD', 'DEAD']);
  for (const { id } of letters) {
    const replay =
      'mutation ($ids: [ID!]!, $payload: String) { replayDeadLetter(ids: $ids, payload: $payload) { state } }';
    const { data: replayed } = await ask(stack.graphqlUrl, replay, { ids: [id], payload: lost.value });
    expect(replayed).toEqual({ replayDeadLetter: [{ state: 'REPLAYED' }] });
  }
  for (const engine of ENGINES) {
    await eventually(async () => {
      const { total, level, reasons } = await window('DEAD', engine);
      expect([engine, total, reasons.filter((code) => code.startsWith('VIOLATION'))]).toEqual([engine, 2, []]);
      expect(level).not.toBe('LOW');
    }, WAIT);
  }
}, 300_000);

test('what a restart of the Kafka-only processor put in doubt is verified, and its next word is worth as much as before', async () => {
  await send(order('RESTART', NOW_MS), order('RESTART', NOW_MS));
  await becomes('RESTART', 'KAFKA_ONLY', { total: 2, level: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] });
  await stack.processes.processor.crash();
  await becomes('RESTART', 'KAFKA_ONLY', high(2));
  await untilTrusted('RESTART', 'KAFKA_ONLY', 2, { cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] });
}, 600_000);

/** All of the source is in ClickHouse's raw log as well. */
const rawIsWhole = (): Promise<void> =>
  eventually(async () => {
    const ends = await endOffsets(stack.kafkaBrokers, 'orders.events');
    const text = await clickhouse(
      'SELECT source_partition AS p, max(source_offset) + 1 AS next FROM tidemark.raw_events FINAL GROUP BY p FORMAT JSONEachRow',
    );
    const rows = text.split('\n').filter((line) => line !== '');
    const found = new Map(
      rows.map((line) => {
        const { p, next } = JSON.parse(line) as { p: unknown; next: unknown };
        return [Number(p), Number(next)] as const;
      }),
    );
    expect(ends.map((_, p) => found.get(p) ?? 0)).toEqual(ends);
  }, WAIT);

async function clickhouse(query: string): Promise<string> {
  const response = await fetch(stack.clickhouseUrl, { method: 'POST', body: query });
  const text = await response.text();
  expect([response.status, text.slice(0, 200)]).toEqual([200, expect.anything()]);
  return text;
}

const anomaly = async (orderId: string): Promise<{ value: string; confidenceLevel: string } | undefined> => {
  const query = `query @consistency(scope: STRONG) { anomaly(rule: "LARGE_ORDER", orderId: "${orderId}", engine: FLINK) { threshold { value confidenceLevel } } }`;
  return (await ask(stack.graphqlUrl, query)).data.anomaly?.threshold as never;
};

test('a job restored from an older state: another value, or one that lacks what the source no longer has, is refused, recomputed, HIGH; and its state replaced', async () => {
  const [gone, kept] = ['GONE', ['KEPT', 'KEPT2', 'KEPT3'].find((s) => partitionOf(s, 4) !== partitionOf('GONE', 4))!];
  await send(order(gone, NOW_MS));
  await becomes(gone, 'FLINK', high(1));
  const older = await flink.savepoint();
  const large = order(kept, NOW_MS, 800);
  const lost = order(gone, NOW_MS);
  await send(lost, order(gone, NOW_MS), large);
  await becomes(gone, 'FLINK', high(3));
  await eventually(
    async () => expect(await anomaly(large.id)).toEqual({ value: '500', confidenceLevel: 'HIGH' }),
    WAIT,
  );
  await flink.checkpointsLater(2);
  await rawIsWhole();
  const partition = partitionOf(gone, 4);
  const ends = await endOffsets(stack.kafkaBrokers, 'orders.events');
  await deleteRecords(stack.kafkaBrokers, 'orders.events', partition, BigInt(ends[partition]!));

  await flink.restartFrom(older, ['LARGE_ORDER_QUANTITY=600']);
  await send(order(gone, NOW_MS));
  // From ClickHouse's raw log up to where the topic begins, and from there on from Kafka.
  await becomes(gone, 'FLINK', high(4));
  const refused = { state: 'DONE', reason: 'ROLLBACK_REFUSED', code: null };
  expect((await requests(keyAt(gone), 'FLINK')).at(-1)).toEqual(refused);
  await eventually(async () => expect(await requests(`LARGE_ORDER:${large.id}`, 'FLINK')).toEqual([refused]), WAIT);
  await eventually(
    async () => expect(await anomaly(large.id)).toEqual({ value: '500', confidenceLevel: 'HIGH' }),
    WAIT,
  );
  await untilTrusted(gone, 'FLINK', 4, { cap: 'HIGH', reasons: [] });
  // The job never says this one again: what it had said was rolled back, and is verified without it.
  const query = `query @consistency(scope: STRONG) { order(orderId: "${lost.id}", engine: FLINK) { status { confidenceLevel } } }`;
  await eventually(async () => {
    expect((await ask(stack.graphqlUrl, query)).data.order.status).toEqual({ confidenceLevel: 'HIGH' });
  }, WAIT);
  expect(await requests(lost.id, 'FLINK')).toEqual([{ state: 'DONE', reason: 'ROLLBACK_UNCONFIRMED', code: null }]);
}, 900_000);

/** The first checkpoint is a minute away, and an open transaction is ended by Kafka before. */
const SLOW = [
  'FLINK_CHECKPOINT_INTERVAL_MS=60000',
  'FLINK_MIN_PAUSE_BETWEEN_CHECKPOINTS_MS=60000',
  'KAFKA_PROPERTY_TRANSACTION_TIMEOUT_MS=20000',
];

/** The null of an order, or what stands for it, as a client reads it from the source of truth. */
async function orderSaid(id: string): Promise<Omit<Seen, 'total'> & { there: boolean }> {
  const query = `query @consistency(scope: STRONG) { order(orderId: "${id}", engine: FLINK) { status { confidenceLevel reasons { code } } } }`;
  const { data, errors, extensions } = await ask(stack.graphqlUrl, query);
  expect(errors).toBeUndefined();
  const there = data.order != null;
  const said = there ? data.order.status : extensions.consistency.contracts[0];
  const reasons = (said.reasons as (string | { code: string })[]).map((one) =>
    typeof one === 'string' ? one : one.code,
  );
  return { there, level: said.confidenceLevel as string, reasons };
}

test('down for longer than transaction.timeout.ms: what was pre-committed is lost, and LOW though it never had a row, until the source has said what is missing', async () => {
  const [{ taskmanager, jobmanager }, classpath] = [stack.processes, await kafkaClasspath()];
  await flink.restartFrom(await flink.savepoint(), SLOW);
  const lost = order('LOST', NOW_MS);
  await send(lost);
  await untilWritten(stack.kafkaBrokers, 'results.flink', lost.id);
  // It pre-commits and, as of Flink 1.15, commits nothing: what was written is in the state, and not yet in the topic.
  await flink.savepoint();
  await Promise.all([taskmanager.kill9(), jobmanager.kill9()]);
  await eventually(async () => expect(await openTransactions(classpath, stack.kafkaBrokers)).toEqual([]), {
    timeoutMs: 180_000,
    everyMs: 1_000,
  });
  expect((await orderSaid(lost.id)).there).toBe(false);
  // The newest state is that savepoint: the job is submitted again from it, with what it usually has.
  await Promise.all([jobmanager.start(), taskmanager.start()]);
  await eventually(async () => {
    const { rows } = await pool.query<{ loss: string | null }>(
      `select facts ->> 'lossOffset' as loss from pipeline_facts where engine = 'FLINK' and result_partition = $1`,
      [partitionOf('LOST', 4)],
    );
    expect(rows).toEqual([{ loss: expect.any(String) }]);
  }, WAIT);
  const untilThere: { level: string; reasons: readonly string[] }[] = [];
  await eventually(async () => {
    const { there, ...said } = await orderSaid(lost.id);
    if (!there) untilThere.push(said);
    expect([there, said]).toEqual([true, { level: 'HIGH', reasons: [] }]);
  }, WAIT);
  const trusted = untilThere.filter(
    ({ level, reasons }) => level !== 'LOW' || !reasons.includes('VIOLATION_OUTPUT_GAP'),
  );
  expect(trusted).toEqual([]);
  await becomes('LOST', 'FLINK', high(1));
  const asked = { state: 'DONE', reason: 'VIOLATION_OUTPUT_GAP', code: null };
  for (const key of [lost.id, keyAt('LOST')]) expect(await requests(key, 'FLINK')).toEqual([asked]);
  // What came after it, from a state in which the lost counts as sent; and what never was.
  const after = order('LOST', NOW_MS);
  await send(after);
  for (const [id, there] of [
    [after.id, true],
    ['NEVER-1', false],
  ] as const)
    await eventually(
      async () => expect([id, await orderSaid(id)]).toEqual([id, { there, level: 'HIGH', reasons: [] }]),
      WAIT,
    );
  const { rows: censuses } = await pool.query<{ state: string }>('select distinct state from loss_censuses');
  expect(censuses).toEqual([{ state: 'DONE' }]);
}, 900_000);

test('what neither the topic nor the raw log reaches back to is LOW, and says why', async () => {
  await clickhouse('TRUNCATE TABLE tidemark.raw_events');
  const at = LONG_AGO_MS - WINDOW_MS;
  await send(order('GONE', at));
  for (const engine of ENGINES) {
    await eventually(async () => {
      const seen = await window('GONE', engine, at);
      expect([seen.total, seen.level]).toEqual([null, 'LOW']);
      expect(seen.reasons).toEqual(expect.arrayContaining(['VIOLATION_LATE_DROPPED', 'VIOLATION_SOURCE_EXPIRED']));
    }, WAIT);
    expect(await requests(keyAt('GONE', at), engine)).toEqual([
      { state: 'FAILED', reason: 'VIOLATION_LATE_DROPPED', code: 'SOURCE_EXPIRED' },
    ]);
  }
}, 300_000);
