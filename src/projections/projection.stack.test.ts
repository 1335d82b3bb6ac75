import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { eventually } from '../../test/harness/eventually.js';
import { startStack, type TestStack } from '../../test/harness/stack.js';
import { takeClock, writeLog } from '../ingest/clock.js';
import { createLogConsumer } from '../ingest/consumer.js';
import { key, result, type Written } from '../stores/conformance.data.js';
import { encodeDocument } from '../stores/document.js';
import { MONGO_CLIENT_OPTIONS } from '../stores/mongodb/command.js';
import { createMongoModel } from '../stores/mongodb/model.js';
import { META_COLLECTION } from '../stores/mongodb/position.js';
import type { ReadModel, StoredResult } from '../stores/port.js';
import { startClock } from '../stores/postgres/clock.js';
import { migrate } from '../stores/postgres/migrate.js';
import { createTruth } from '../stores/postgres/snapshot.js';
import { createProjection, type Projection } from './run.js';

const DATABASE = 'projection';
let stack: TestStack;
let pool: pg.Pool;
let client: MongoClient;
let model: ReadModel;
let projection: Projection;
const truth = new Map<string, StoredResult>();
const lines: string[] = [];

function project(): Projection {
  const consumer = createLogConsumer({
    brokers: [stack.kafkaBrokers],
    clientId: 'projection-test',
    groupId: 'projection-test',
    topics: ['cdc.public.commit_log'],
    partitionsConcurrently: 1,
    maxBytesPerPartition: 8 * 1024 * 1024,
    sessionTimeoutMs: 10_000,
    backoffMs: { first: 50, most: 500 },
    stopTimeoutMs: 5_000,
    monotonicMs: () => performance.now(),
    log: () => undefined,
  });
  const log = (_level: string, message: string): void => void lines.push(message);
  return createProjection({ model, truth: createTruth(pool), consumer, log });
}

const COLUMNS = `kind, business_key, engine, calculated_value, deleted, final, stale, cap, reasons, pipeline, result_topic,
  result_partition, result_offset, run, subtask, lineage, revision, cause, evidence, position, committed_at_us`;

/** One accepted transaction, as ingest writes it: rows, then the commit log. */
async function write(written: readonly Written[]): Promise<void> {
  const connection = await pool.connect();
  try {
    await connection.query('begin');
    const tick = await takeClock(connection);
    const results = written.map((one) => ({ ...result(tick.position, one), committedAt: tick.committedAt }));
    await connection.query(
      `insert into results (${COLUMNS})
       select kind, business_key, 'KAFKA_ONLY', calculated_value, deleted, final, stale, 'EVENTUALLY_CONSISTENT',
         '{NO_CHECKPOINT}', pipeline, 'results.kafka-only', 3, result_offset, run, 0, '[]', revision, 'IN_ORDER',
         jsonb_build_object('coverage', coverage), $2, $3
       from json_to_recordset($1) as d (kind text, business_key text, calculated_value jsonb, deleted boolean, final boolean,
         stale boolean, pipeline text, run text, revision integer, coverage jsonb, result_offset bigint)
       on conflict (kind, business_key, engine) do update set calculated_value = excluded.calculated_value,
         deleted = excluded.deleted, result_offset = excluded.result_offset, revision = excluded.revision, position = excluded.position,
         committed_at_us = excluded.committed_at_us`,
      [JSON.stringify(results.map(encodeDocument)), tick.position, tick.committedAt],
    );
    await writeLog(
      connection,
      tick,
      '[]',
      results.map((one) => JSON.stringify(encodeDocument(one))),
    );
    await connection.query('commit');
    for (const one of results) truth.set(one.businessKey, one);
  } finally {
    connection.release();
  }
}

const named = (from: number, count: number, blob = ''): Written[] =>
  Array.from({ length: count }, (_, n) => ({
    businessKey: `k${from + n}`,
    deleted: n % 50 === 49,
    calculatedValue: { symbol: `G${n % 10}`, window_start: `2026-${n}`, total_amount: '84850000.5', blob },
  }));

async function converged(): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await pool.query<{ position: string; nonce: string }>(
        'select position, nonce from commit_clock',
      );
      const { applied, data } = await model.readMany([...truth.keys()].map((name) => key(name)));
      expect({ position: String(applied?.position), nonce: applied?.nonce }).toEqual(rows[0]);
      expect(data).toEqual([...truth.values()]);
    },
    { timeoutMs: 30_000, everyMs: 100 },
  );
}

beforeAll(async () => {
  stack = await startStack({ without: ['processor', 'generator', 'server'] });
  await migrate(stack.postgresUrl);
  pool = new pg.Pool({ connectionString: stack.postgresUrl, max: 4 });
  await startClock(pool, []);
  client = new MongoClient(stack.mongoUrl, MONGO_CLIENT_OPTIONS);
  const newName = (): string => randomBytes(4).toString('hex');
  model = createMongoModel({ client, database: DATABASE, nowMs: Date.now, newName });
  await write(named(0, 200));
  projection = project();
  await projection.start();
}, 180_000);

afterAll(async () => {
  await projection?.stop();
  await client?.close();
  await pool?.end();
  await stack?.stop();
}, 60_000);

test('what Postgres accepted before and after the start is in MongoDB, large transactions in parts included', async () => {
  await converged();
  // Above the size of one part, so that it travels in several.
  await write(named(100, 400, 'x'.repeat(4_000)));
  for (let n = 0; n < 20; n += 1) await write(named(n * 10, 20));
  await write([]);
  await converged();
  expect(projection.status()).toMatchObject({ state: 'running' });
}, 60_000);

test('a MongoDB killed under writes has lost nothing when it is back', async () => {
  for (let n = 0; n < 10; n += 1) {
    await write(named(n * 20, 40));
    if (n === 3) await stack.processes.mongodb.kill9();
  }
  await stack.processes.mongodb.restart();
  await converged();
  expect(lines.filter((line) => line.includes('made anew:'))).toHaveLength(1);
}, 90_000);

test('a wiped MongoDB is made anew from Postgres while writes go on', async () => {
  const db = client.db(DATABASE);
  await db.dropCollection((await db.collection(META_COLLECTION).findOne())?.['collection'] as string);
  await expect(model.readMany([key('k0')])).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' });
  for (let n = 0; n < 10; n += 1) await write(named(n * 20, 40));
  await converged();
}, 60_000);

test('a projection that was stopped goes on where the store is, without a copy', async () => {
  const copies = lines.length;
  await projection.stop();
  for (let n = 0; n < 10; n += 1) await write(named(n * 20, 40));
  projection = project();
  await projection.start();
  await converged();
  expect(lines).toHaveLength(copies);
}, 60_000);

test('a backlog of 20,000 documents is applied', async () => {
  await projection.stop();
  for (let n = 0; n < 100; n += 1) await write(named((n % 10) * 200, 200));
  projection = project();
  await projection.start();
  await converged();
}, 90_000);
