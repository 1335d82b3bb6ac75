/**
 * Faults of the Flink job on a real cluster, with the server behind it: kills, stops, an older state, output that is lost. The tests
 * run in this order on one stack and build on each other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkAll, tableOf } from '../lab/checkers/index.js';
import type { StreamOptions } from '../generator/stream.js';
import { catalogue, type Fault } from '../lab/faults/index.js';
import { readHistory } from '../lab/history/file.js';
import { eventually } from './harness/eventually.js';
import { duplicates, recorderOf } from './harness/flink-record.js';
import { FlinkStack, type Said } from './harness/flink-stack.js';
import { Flow, type FlowOptions } from './harness/flow.js';
import { ask } from './harness/graphql.js';
import { openTransactions, produce, untilWritten } from './harness/kafka.js';
import { created, type Message } from './harness/own-order.js';

/** Keeps the history of a failed run. */
const KEEP = process.env['TIDEMARK_LAB_RUNS'];
/** For waiting, not for speed: seen to take a quarter of an hour for four kills under a load of 50. */
const LIMIT_MS = 2_100_000;
/** Of one thing in a test: a test that runs on after its time would write into the next one's history. */
const WAIT_MS = LIMIT_MS / 6;
const MINUTE_MS = 60_000;
/** Of the stack's job. */
const INTERVAL_MS = 1_000;
const WAIT = { timeoutMs: 180_000, everyMs: 200 };

let on: FlinkStack;
let faults: Map<string, Fault>;

beforeAll(async () => {
  on = await FlinkStack.start(WAIT_MS);
  faults = new Map(catalogue(on.stack).map((fault) => [fault.name, fault]));
}, 900_000);
afterAll(() => on?.stop(), 120_000);

const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * MINUTE_MS);
const flow = (stream: Partial<StreamOptions>, options: Omit<FlowOptions, 'brokers' | 'stream'>): Flow =>
  new Flow({ brokers: on.stack.kafkaBrokers, stream: { symbols: 100, ...stream }, ...options });
const send = (...orders: readonly Message[]): Promise<void> => produce(on.stack.kafkaBrokers, 'orders.events', orders);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

const KILLS = ['kill-at-commit taskmanager', 'kill taskmanager', 'kill-at-commit taskmanager', 'kill jobmanager'];

test(
  'the TaskManager killed three times, twice between pre-commit and commit, and the JobManager once: no claim is false, no row sent twice, no time moves back',
  async () => {
    const runs = KEEP ?? mkdtempSync(join(tmpdir(), 'tidemark-flink-runs-'));
    const recorder = recorderOf(on.stack, runs);
    const events = flow(
      { seed: 5, symbols: 40, late: 0.02, tooLate: 0.0005 },
      { rate: 60, past: 9_000, from: minutesAgo(230), to: minutesAgo(120) },
    );
    try {
      await recorder.start();
      await eventually(async () => expect((await on.closed()).length).toBeGreaterThan(20), { timeoutMs: WAIT_MS });
      for (const name of KILLS) {
        const over = recorder.fault(name);
        await faults.get(name)?.inject();
        await faults.get(name)?.heal();
        over();
        // What the run that came back has folded is committed, and more is on its way.
        await on.flink.checkpointsLater(2);
      }
      await events.stop();
      expect(await recorder.finish(WAIT_MS)).toBe(true);
      const history = await readHistory(recorder.folder);
      // A share of few reads on a machine that does other things says nothing.
      const verdicts = checkAll(history, { enough: Infinity });
      say(tableOf(verdicts));
      expect(verdicts.flatMap(({ violations }) => violations.slice(0, 3))).toEqual([]);
      expect(verdicts.map(({ checker, verdict }) => [checker, verdict])).toEqual(
        verdicts.map(({ checker }) => [checker, checker === 'read-your-writes' ? 'unknown' : 'true']),
      );
      expect(duplicates(history)).toEqual([]);
      // Claims of HIGH were among them, also while it was down, and its times were looked at.
      const exercised = Object.assign({}, ...verdicts.map((verdict) => verdict.exercised)) as Record<string, number>;
      for (const sentence of ['high.value', 'high.newest', 'checkpoint.monotone', 'sync.monotone', 'source-as-of'])
        expect([sentence, exercised[sentence] ?? 0]).not.toEqual([sentence, 0]);
      expect(history.faults.map(({ kind }) => kind)).toEqual(KILLS);
    } finally {
      await events.stop();
      await recorder.stop();
      if (KEEP === undefined) rmSync(runs, { recursive: true, force: true });
    }
  },
  LIMIT_MS,
);

/** A closed window that is HIGH, and how to ask for it again. */
async function closedAndHigh(): Promise<{ key: string; now: () => Promise<Said> }> {
  const keys = await on.closed();
  const now = async (key: string): Promise<Said> => (await on.windowsOf([key], 'STRONG'))[0]!.ordersTotal;
  return eventually(async () => {
    const key = keys.at(-1) ?? '';
    expect(await now(key)).toMatchObject({ confidenceLevel: 'HIGH', reasons: [] });
    return { key, now: () => now(key) };
  }, WAIT);
}

/**
 * While a fault holds checkpoints up: the claim about a closed window falls at the threshold, by Postgres' clock, not before and
 * not after, and rises again when it is over. `seen` waits for what the fault does besides.
 */
async function overdueDuring(name: string, seen: () => Promise<void> = () => Promise.resolve()): Promise<void> {
  const { key, now } = await closedAndHigh();
  const before = await now();
  /** Time, and the newest proof of a checkpoint where the window lies. Microseconds. */
  const clock = async (): Promise<{ now: number; proven: number }> => {
    const [row] = await on.sql<{ now: number; proven: number }>(
      `select (extract(epoch from clock_timestamp()) * 1e6)::float8 as now, (f.facts ->> 'provenAt')::float8 as proven
       from results r join pipeline_facts f using (pipeline, result_topic, result_partition)
       where r.business_key = $1 and r.engine = 'FLINK'`,
      [key],
    );
    return row!;
  };
  const tooHigh: number[] = [];
  const tooLow: number[] = [];
  const thresholdUs = 3 * INTERVAL_MS * 1000;
  const overdue = { confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons: [{ code: 'CHECKPOINT_OVERDUE' }] };
  const fault = faults.get(name)!;
  await fault.inject();
  try {
    await eventually(
      async () => {
        const before = await clock();
        const said = await now();
        const after = await clock();
        // How old the proof was at least, and at most, when the answer was made.
        const [leastUs, mostUs] = [before.now - after.proven, after.now - before.proven];
        if (said.confidenceLevel === 'HIGH' && leastUs > thresholdUs) tooHigh.push(leastUs);
        if (said.confidenceLevel !== 'HIGH' && mostUs <= thresholdUs) tooLow.push(mostUs);
        expect(said).toMatchObject(overdue);
      },
      { timeoutMs: 60_000, everyMs: 50 },
    );
    await seen();
    expect(await now()).toMatchObject(overdue);
  } finally {
    await fault.heal();
  }
  expect({ tooHigh, tooLow }).toEqual({ tooHigh: [], tooLow: [] });
  await eventually(async () => expect(await now()).toMatchObject({ confidenceLevel: 'HIGH', reasons: [] }), WAIT);
  expect(Date.parse((await now()).lastCheckpointTime ?? '')).toBeGreaterThan(
    Date.parse(before.lastCheckpointTime ?? ''),
  );
}

test(
  'with the TaskManager stopped, the claim falls to CHECKPOINT_OVERDUE at its threshold, and rises again after',
  () => overdueDuring('freeze taskmanager'),
  300_000,
);

test('stopped with a savepoint and resumed from it by a job with another parallelism: values go on where they were', async () => {
  const path = await on.flink.stopWithSavepoint();
  await on.cli('generate', ...'--seed 19 --rate 0 --count 300 --backfill-minutes 0 --symbols 60'.split(' '));
  await on.flink.restartFrom(path, ['FLINK_PARALLELISM=1', 'FLINK_CHECKPOINT_TIMEOUT_MS=4000']);
  await on.settled();
}, 600_000);

test(
  'with the broker stopped until a checkpoint has expired, the claim falls to CHECKPOINT_OVERDUE, and rises again after',
  () =>
    overdueDuring('freeze kafka', () =>
      eventually(
        async () => {
          const { failed } = (await on.flink.facts()).latest;
          expect(failed?.failure_message).toContain('Checkpoint expired before completing');
        },
        { timeoutMs: 60_000, everyMs: 100 },
      ),
    ),
  300_000,
);

async function levelOf(n: number): Promise<{ level: string; reasons: string[] }> {
  const { data, errors, extensions } = await ask(
    on.stack.graphqlUrl,
    `query @consistency(scope: STRONG) { one: order(orderId: "rollback-${n}", engine: FLINK) { symbol { confidenceLevel reasons { code } } } }`,
  );
  expect(errors).toBeUndefined();
  // Of what is not there the contract stands beside the data.
  const said = data.one?.symbol ?? extensions.consistency.contracts[0];
  const reasons = said.reasons as (string | { code: string })[];
  return {
    level: said.confidenceLevel,
    reasons: reasons.map((reason) => (typeof reason === 'string' ? reason : reason.code)),
  };
}

const rowsOf = async (...ids: readonly string[]): Promise<(Row | undefined)[]> => {
  const rows = await on.sql<Row & { id: string }>(
    `select kind || ' ' || business_key as id, calculated_value as value, cap, reasons from results
     where engine = 'FLINK' and business_key = any($1)`,
    [ids.map((id) => id.split(' ')[1])],
  );
  return ids.map((id) => rows.find((row) => row.id === id));
};
interface Row {
  readonly value: unknown;
  readonly cap: string;
  readonly reasons: readonly string[];
}

test('restored from an older state under another threshold: the other value is refused, its row is LOW and keeps its value; equal values stay HIGH', async () => {
  const older = await on.flink.savepoint();
  await send(created('rollback-1', { symbol: 'ROLLBACK', quantity: 800 }));
  const rows = (): Promise<(Row | undefined)[]> => rowsOf('anomaly LARGE_ORDER:rollback-1', 'order rollback-1');
  const [anomaly, ordered] = await eventually(async () => {
    const found = await rows();
    expect(found).toMatchObject([{ cap: 'HIGH' }, { cap: 'HIGH' }]);
    return found;
  }, WAIT);
  await on.flink.checkpointsLater(2);

  await on.flink.restartFrom(older, ['LARGE_ORDER_QUANTITY=600']);
  await eventually(async () => {
    const [refused, equal] = await rows();
    expect(refused).toMatchObject({ value: anomaly?.value, cap: 'LOW', reasons: ['ROLLBACK_REFUSED'] });
    expect(equal).toMatchObject({ value: ordered?.value, cap: 'HIGH', reasons: [] });
  }, WAIT);
  await eventually(async () => expect(await levelOf(1)).toEqual({ level: 'HIGH', reasons: [] }), { timeoutMs: 60_000 });
}, 600_000);

/** The first checkpoint is a minute away, and an open transaction is ended by Kafka before. */
const SLOW = [
  'FLINK_CHECKPOINT_INTERVAL_MS=60000',
  'FLINK_MIN_PAUSE_BETWEEN_CHECKPOINTS_MS=60000',
  'KAFKA_PROPERTY_TRANSACTION_TIMEOUT_MS=20000',
];

test('down for longer than transaction.timeout.ms: what was pre-committed is lost, and said to be: OUTPUT_GAP, LOW', async () => {
  const { flink, stack, classpath } = on;
  const { key, now } = await closedAndHigh();
  await flink.restartFrom(await flink.savepoint(), SLOW);
  await send(created('rollback-2', { symbol: 'ROLLBACK' }));
  await untilWritten(stack.kafkaBrokers, 'results.flink', 'rollback-2');
  // It pre-commits and, as of Flink 1.15, commits nothing: what was written is in the state, and not yet in the topic.
  await flink.savepoint();
  await Promise.all([stack.processes.taskmanager.kill9(), stack.processes.jobmanager.kill9()]);
  await eventually(async () => expect(await openTransactions(classpath, stack.kafkaBrokers)).toEqual([]), {
    timeoutMs: 180_000,
    everyMs: 1_000,
  });
  expect(await rowsOf('order rollback-2')).toEqual([undefined]);
  // The newest state is that savepoint: the job is submitted again from it, with what it usually has.
  await Promise.all([stack.processes.jobmanager.start(), stack.processes.taskmanager.start()]);

  const lost = { level: 'LOW', reasons: ['VIOLATION_OUTPUT_GAP'] };
  // What was lost, what was open before, and what comes after from a state in which the lost counts as sent.
  for (const n of [2, 1]) await eventually(async () => expect([n, await levelOf(n)]).toEqual([n, lost]), WAIT);
  await send(created('rollback-3', { symbol: 'ROLLBACK' }));
  await eventually(async () => expect(await levelOf(3)).toEqual(lost), WAIT);
  // A window that had closed before stays what it is.
  await eventually(async () => expect([key, await now()]).toMatchObject([key, { confidenceLevel: 'HIGH' }]), WAIT);
}, 600_000);
