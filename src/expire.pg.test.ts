/** Expiry from the ingest transaction to the answer: what has expired is gone for everybody, and nobody is told otherwise. */
import { readFileSync } from 'node:fs';
import { Pool } from 'pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import { copyToModel, freshRequest } from '../test/harness/own-server.js';
import { createTestDatabase, type TestDatabase } from '../test/harness/postgres.js';
import type { Errand } from './contract/router.js';
import { createExpiryJob } from './expire.js';
import type { CrashPoint } from './ingest/commit.js';
import { createPostgresIngestStore } from './ingest/postgres.js';
import { createIngest } from './ingest/run.js';
import type { LogHandler, LogRecord } from './log/port.js';
import { NO_REQUIREMENT } from './planner/requirement.js';
import { Highest } from './position/highest.js';
import { position } from './position/position.js';
import { createMemoryModel } from './stores/memory.js';
import type { ListQuery, ReadModel } from './stores/port.js';
import { startClock } from './stores/postgres/clock.js';
import { purgeResults, raiseFloor, removableTo } from './stores/postgres/expiry.js';
import type { ConsistencyScope, Store } from './words.js';

const TOPIC = 'results.kafka-only';
const engine = 'KAFKA_ONLY' as const;
const golden = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../wire/golden/${name}.json`, import.meta.url), 'utf8')) as Record<string, unknown>;
const start = (minute: number): string => `2026-01-05T09:${String(minute).padStart(2, '0')}:00.000Z`;
const windowKey = (minute: number) => ({ kind: 'order_window', businessKey: `005930@${start(minute)}`, engine });
const orderKey = (id: string) => ({ kind: 'order', businessKey: id, engine });

/** Only a bound for a busy machine. */
const LIMIT_MS = 120_000;

let database: TestDatabase;
let pool: Pool;
let ingest: LogHandler;
let model: ReadModel;
let offset = 0;
let onStep: (point: CrashPoint) => void | Promise<void> = () => undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 6 });
  await startClock(pool, []);
  offset = 0;
  onStep = () => undefined;
  const store = createPostgresIngestStore(pool);
  const engines = new Map([[TOPIC, engine]]);
  ingest = createIngest({ store, highest: new Highest(), engines, hook: (point) => onStep(point) });
  await ingest.start(TOPIC, 0, { low: 0n, high: 0n });
  model = createMemoryModel();
  const payload = { source_topic: 'orders.events', source_partition: 0, start_offset: 0, log_start_offset: 0 };
  await deliver(stamped('control.assignment', { calculated_value: { ...payload, max_event_time_before: null } }));
}, LIMIT_MS);
afterEach(async () => {
  await pool.end();
  await database.drop();
}, LIMIT_MS);

const stamped = (name: string, over: object): Record<string, unknown> => ({
  ...golden(name),
  run: { id: 'a', subtask: 0 },
  seq: offset + 1,
  ...over,
});

async function deliver(value: Record<string, unknown>): Promise<void> {
  const record: LogRecord = {
    offset: BigInt(offset),
    key: 'k',
    value: Buffer.from(JSON.stringify({ ...value, seq: offset + 1 })),
    timestampMs: 0,
  };
  offset += 1;
  await ingest.handle({ topic: TOPIC, partition: 0, records: [record], transactional: false });
}

const evidence = (maxEventTime: string, more: object = {}): object => ({
  events: 1,
  digest: String(offset),
  duplicates_dropped: 0,
  coverage: { '0': [0, offset] },
  max_event_time: maxEventTime,
  ...more,
});

const deliverWindow = (minute: number): Promise<void> => {
  const base = golden('result.kafka-only')['calculated_value'] as object;
  return deliver(
    stamped('result.kafka-only', {
      business_key: windowKey(minute).businessKey,
      calculated_value: { ...base, window_start: start(minute), window_end: start(minute + 5), orders_total: offset },
      final: true,
      evidence: evidence(start(minute)),
    }),
  );
};

const deliverOrder = (id: string, minute: number): Promise<void> => {
  const base = golden('result.order')['calculated_value'] as object;
  return deliver(
    stamped('result.order', {
      business_key: id,
      calculated_value: { ...base, order_id: id, event_time: start(minute) },
      evidence: evidence(start(minute), { begins: start(minute) }),
    }),
  );
};

const scoped = (scope: ConsistencyScope): Errand => ({
  requirement: { ...NO_REQUIREMENT, scope },
  tell: () => undefined,
});

interface Seen {
  readonly row: string | null;
  readonly level: string;
  readonly reasons: readonly string[];
}

async function see(store: Store, key: ReturnType<typeof orderKey>): Promise<Seen> {
  const { row, contract } = await freshRequest(pool, model).rowFrom(store, key);
  return { row: row?.businessKey ?? null, level: contract.confidenceLevel, reasons: contract.claim.reasons };
}

async function list(scope: 'STRONG' | 'EVENTUAL', over: Partial<ListQuery> = {}) {
  const query = {
    kind: 'order_window',
    engine,
    equals: {},
    orderBy: 'window_start',
    descending: false,
    limit: 10,
    ...over,
  };
  const { rows, contract } = await freshRequest(pool, model).list(query, scoped(scope));
  return {
    keys: rows.map(({ row }) => row?.businessKey),
    reasons: contract.claim.reasons,
    level: contract.confidenceLevel,
  };
}

const EXPIRED: Seen = { row: null, level: 'LOW', reasons: ['NO_CHECKPOINT', 'RESULT_EXPIRED'] };
const ABSENT: Seen = { row: null, level: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] };

/** Everything that two stores answer, in one piece. */
async function answers(): Promise<unknown> {
  const stats = await freshRequest(pool, model).symbolStats(
    { symbol: '005930', engine, from: start(0), to: start(59) },
    scoped('STRONG'),
  );
  const history = await freshRequest(pool, model).history(
    { symbol: '005930', engine, from: start(10), to: start(59), limit: 9 },
    scoped('STRONG'),
  );
  return {
    rows: await Promise.all(
      (['POSTGRES', 'MONGODB'] as const).flatMap((store) => [0, 5, 10, 15].map((m) => see(store, windowKey(m)))),
    ),
    lists: [await list('STRONG'), await list('EVENTUAL'), await list('EVENTUAL', { from: start(10) })],
    newest: await list('EVENTUAL', { descending: true, limit: 1 }),
    stats: [stats.stats.windows, stats.contract.confidenceLevel, stats.contract.claim.reasons],
    history: [history.rows.length, history.contract.claim.reasons],
  };
}

test(
  'what has expired is absent from every answer, which says so, before it is removed and after, and when it comes back',
  async () => {
    await deliverWindow(0);
    await deliverWindow(5);
    await raiseFloor(pool, 0);
    await deliverWindow(10);
    const rows = await copyToModel(pool, model);
    const [, windowTen] = [windowKey(5).businessKey, windowKey(10).businessKey];
    const alive: Seen = { row: windowTen, level: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] };
    const short = { keys: [windowTen], level: 'LOW', reasons: ['NO_CHECKPOINT', 'RESULT_EXPIRED'] };
    const whole = { keys: [windowTen], level: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] };
    const expected = {
      // A window later than all that has expired was never there.
      rows: [EXPIRED, EXPIRED, alive, ABSENT, EXPIRED, EXPIRED, alive, ABSENT],
      lists: [short, short, whole],
      newest: whole,
      stats: [1, 'LOW', ['NO_CHECKPOINT', 'RESULT_EXPIRED']],
      history: [1, ['NO_CHECKPOINT']],
    };
    expect(await answers()).toEqual(expected);

    const removable = await removableTo(pool, 0);
    if (removable === null) throw new Error('nothing may be removed');
    expect(await purgeResults(pool, removable.to, 10)).toBe(2);
    expect(await model.purge(removable.to, removable.incarnation)).toBe(2);
    expect(await answers()).toEqual(expected);

    // A zombie's write, or a redelivery, of what was removed.
    const binding = await model.binding();
    if (binding.status === 'unbound') throw new Error(binding.reason);
    const { applied } = binding;
    await model.apply([{ ...applied, predecessor: '', documents: rows }], applied);
    expect((await model.readMany([windowKey(0)])).data).not.toEqual([null]);
    expect(await answers()).toEqual(expected);
  },
  LIMIT_MS,
);

test(
  'a key that may have been there before starts anew as LOW, a new one does not',
  async () => {
    await deliverOrder('old', 1);
    await deliverWindow(5);
    await raiseFloor(pool, 0);
    const job = createExpiryJob({
      pool,
      models: [],
      retentionMs: 0,
      graceMs: 0,
      registry: new Registry(),
      log: pino({ level: 'silent' }),
    });
    await job.run();
    expect((await pool.query('select 1 from results')).rowCount).toBe(0);
    await deliverOrder('old', 1);
    await deliverOrder('new', 2);
    await deliverWindow(5);
    await deliverWindow(10);
    const high = { level: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] };
    const low = { level: 'LOW', reasons: ['NO_CHECKPOINT', 'RESULT_EXPIRED'] };
    expect(await see('POSTGRES', orderKey('old'))).toEqual({ row: 'old', ...low });
    expect(await see('POSTGRES', orderKey('new'))).toEqual({ row: 'new', ...high });
    expect(await see('POSTGRES', windowKey(5))).toEqual({ row: windowKey(5).businessKey, ...low });
    expect(await see('POSTGRES', windowKey(10))).toEqual({ row: windowKey(10).businessKey, ...high });
    expect(job.problems()).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'what is held against a key without a time outlives its expiry; when too much is held, nothing is taken for new',
  async () => {
    await deliver(
      stamped('control.late-dropped', { business_key: orderKey('dropped').businessKey, ...lateDropOf('order') }),
    );
    await deliverOrder('seen', 1);
    await raiseFloor(pool, 0);
    const to = (await removableTo(pool, 0))?.to ?? position(0);
    expect(await purgeResults(pool, to, 1)).toBe(1);
    expect(await see('POSTGRES', orderKey('dropped'))).toEqual(EXPIRED);
    await deliverOrder('dropped', 9);
    expect((await see('POSTGRES', orderKey('dropped'))).reasons).toContain('VIOLATION_LATE_DROPPED');
    const requested = async (): Promise<unknown> =>
      (await pool.query<object>('select business_key from reprocessing_requests')).rows;
    expect(await requested()).toEqual([{ business_key: 'dropped' }]);

    await raiseFloor(pool, 0);
    expect(await purgeResults(pool, (await removableTo(pool, 0))?.to ?? to, 0)).toBe(1);
    expect(await requested()).toEqual([]);
    await deliverOrder('dropped', 9);
    await deliverOrder('later', 59);
    expect(await see('POSTGRES', orderKey('dropped'))).toMatchObject({ row: 'dropped', level: 'LOW' });
    expect(await see('POSTGRES', orderKey('later'))).toMatchObject({ row: 'later', level: 'LOW' });
  },
  LIMIT_MS,
);

/** The golden drop, of a result of this kind. */
const lateDropOf = (kind: string): object => ({
  calculated_value: { ...(golden('control.late-dropped')['calculated_value'] as object), kind },
});

test(
  'removal waits for the ingest of the partition, and leaves what was changed meanwhile',
  async () => {
    await deliverWindow(0);
    await raiseFloor(pool, 0);
    const to = (await removableTo(pool, 0))?.to ?? position(0);
    let removal: Promise<number> | null = null;
    onStep = (point) => {
      if (point === 'locked') removal = purgeResults(pool, to, 10);
    };
    await deliverWindow(0);
    expect(await (removal as Promise<number> | null)).toBe(0);
    onStep = () => undefined;
    for (let round = 0; round < 10; round++) {
      await raiseFloor(pool, 0);
      const reached = (await removableTo(pool, 0))?.to ?? to;
      await Promise.all([deliverWindow(0), purgeResults(pool, reached, 10)]);
      const { rows } = await pool.query<{ position: string; total: string }>(
        `select position, calculated_value ->> 'orders_total' as total from results`,
      );
      expect(rows).toEqual([{ position: expect.any(String), total: String(offset - 1) }]);
      expect(BigInt(rows[0]?.position ?? 0) > reached).toBe(true);
    }
  },
  LIMIT_MS,
);

test(
  'only what is older than the retention expires, and nothing is removed before the grace is over',
  async () => {
    await deliverWindow(0);
    expect(await raiseFloor(pool, 3_600_000)).toBe(0);
    expect(await see('POSTGRES', windowKey(0))).toMatchObject({ row: windowKey(0).businessKey });
    expect(await raiseFloor(pool, 0)).toBe(1);
    expect(await see('POSTGRES', windowKey(0))).toEqual(EXPIRED);
    expect(await removableTo(pool, 3_600_000)).toBeNull();
    // A longer retention, set later, brings nothing back.
    expect(await raiseFloor(pool, 3_600_000)).toBe(0);
    expect(await see('POSTGRES', windowKey(0))).toEqual(EXPIRED);
  },
  LIMIT_MS,
);
