/**
 * Makes the data that a release leaves behind, for test/upgrade.pg.test.ts, with the code that is here now: real Postgres
 * and mongod, every table with rows. Run once for each release, just before it, and never again:
 *   npx tsx test/upgrade-make.ts 0.1.0
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BSON, MongoClient, type Document } from 'mongodb';
import { Pool } from 'pg';
import { createPostgresIngestStore } from '../src/ingest/postgres.js';
import { createIngest } from '../src/ingest/run.js';
import { Highest } from '../src/position/highest.js';
import type { LogRecord } from '../src/log/port.js';
import { createMongoModel } from '../src/stores/mongodb/model.js';
import { startClock } from '../src/stores/postgres/clock.js';
import { MIGRATIONS } from '../src/stores/postgres/migrate.js';
import { createTruth } from '../src/stores/postgres/snapshot.js';
import { startMongo } from './harness/mongo.js';
import { startPostgres } from './harness/postgres-server.js';

const TOPIC = 'results.kafka-only';
type Json = Record<string, unknown>;

const release = process.argv[2] ?? '';
if (!/^\d+\.\d+\.\d+$/.test(release)) throw new Error('Name the release: npx tsx test/upgrade-make.ts 0.1.0');
const here = (name: string): string => fileURLToPath(new URL(`fixtures/release-${release}/${name}`, import.meta.url));
const golden = (name: string): Json =>
  JSON.parse(readFileSync(new URL(`../wire/golden/${name}.json`, import.meta.url), 'utf8')) as Json;
const run = (id: string, seq: number): Json => ({ run: { id, subtask: 0, lineage: [] }, seq });
const window = (n: number): Json => {
  const start = new Date(Date.UTC(2026, 0, 5, 9, 5 * n));
  const window_start = start.toISOString();
  const window_end = new Date(start.getTime() + 300_000).toISOString();
  const value = golden('result.kafka-only').calculated_value as Json;
  return { business_key: `005930@${window_start}`, calculated_value: { ...value, window_start, window_end } };
};

/** A history with every kind of row: results of all kinds and levels, a delete, two runs, refusals, dead letters, requests. */
function history(): (Json | string)[] {
  const assignment = golden('control.assignment');
  const begin = (id: string, start_offset: number, max_event_time_before: string | null): Json => ({
    ...assignment,
    ...run(id, 1),
    calculated_value: {
      ...(assignment.calculated_value as Json),
      start_offset,
      log_start_offset: 0,
      max_event_time_before,
    },
  });
  const windows = golden('result.kafka-only');
  return [
    begin('run-a', 0, null),
    { ...windows, ...run('run-a', 2), ...window(0), final: true },
    { ...windows, ...run('run-a', 3), ...window(1), final: false },
    { ...golden('result.order'), ...run('run-a', 4) },
    { ...golden('result.order'), ...run('run-a', 5), business_key: 'worked-005930-2' },
    { ...golden('result.anomaly'), ...run('run-a', 6) },
    { ...golden('control.heartbeat'), ...run('run-a', 7) },
    'not JSON {',
    { ...golden('result.order-deleted'), ...run('run-a', 8) },
    { ...golden('control.dead-letter'), ...run('run-a', 9) },
    { ...golden('control.late-dropped'), ...run('run-a', 10) },
    { ...golden('result.kafka-only-lost'), ...run('run-a', 11), ...window(2) },
    begin('run-b', 10, '2026-01-05T09:03:30.000Z'),
    { ...windows, ...run('run-a', 12), ...window(3) },
    { ...windows, ...run('run-b', 2), ...window(1), revision: 7 },
    { ...windows, ...run('run-b', 3), ...window(4) },
    { ...golden('control.heartbeat'), ...run('run-b', 4) },
  ];
}

const records = (): string[] => history().map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));

async function ingest(pool: Pool): Promise<void> {
  const handler = createIngest({
    store: createPostgresIngestStore(pool),
    highest: new Highest(),
    engines: new Map([[TOPIC, 'KAFKA_ONLY']]),
  });
  await handler.start(TOPIC, 0, { low: 0n, high: 0n });
  for (const [offset, text] of records().entries()) {
    const bytes = Buffer.from(text);
    const record: LogRecord = { offset: BigInt(offset), key: 'k', value: bytes, timestampMs: 0 };
    await handler.handle({ topic: TOPIC, partition: 0, records: [record], transactional: false });
  }
}

async function rows(pool: Pool, table: string): Promise<string[]> {
  const columns = await pool.query<{ name: string }>(
    'select column_name as name from information_schema.columns where table_name = $1 order by ordinal_position',
    [table],
  );
  const names = columns.rows.map(({ name }) => name);
  const literals = names.map((name) => `quote_nullable(${name}::text)`).join(`, ', ', `);
  const found = await pool.query<{ row: string }>(`select concat(${literals}) as row from ${table} order by 1`);
  return found.rows.map(
    ({ row }) => `insert into ${table} (${names.join(', ')}) overriding system value values (${row});`,
  );
}

const migrations = readdirSync(MIGRATIONS).filter((file) => file.endsWith('.sql'));

async function dumpPostgres(pool: Pool): Promise<string> {
  const schema = migrations.map((file) => readFileSync(`${MIGRATIONS}/${file}`, 'utf8')).join('\n');
  const tables = [...schema.matchAll(/^create table (\w+)/gm)].map((match) => match[1] ?? '');
  const lines = [
    `-- The rows of release ${release}; the rest of its schema is the migrations beside this file. Made by upgrade-make.ts.`,
    'create table tidemark_migrations (id serial primary key, name varchar(255) not null, run_on timestamp not null);',
  ];
  tables.unshift('tidemark_migrations');
  for (const table of tables) {
    const found = await rows(pool, table);
    if (found.length === 0) throw new Error(`${table} has no rows: the fixture would prove nothing of it`);
    lines.push('', `delete from ${table};`, ...found);
  }
  lines.push('');
  for (const table of ['tidemark_migrations', 'refusals', 'dead_letters'])
    lines.push(`select setval(pg_get_serial_sequence('${table}', 'id'), (select max(id) from ${table}));`);
  return `${lines.join('\n')}\n`;
}

async function dumpMongo(pool: Pool, client: MongoClient): Promise<string> {
  const database = `release_${release.replaceAll('.', '_')}`;
  const model = createMongoModel({ client, database, nowMs: Date.now, newName: () => 'release' });
  const snapshot = await createTruth(pool).snapshot();
  // One record of the change topic for each position.
  await model.rebuild(snapshot.rows, { ...snapshot.clock, resumeOffset: snapshot.clock.position }, () => undefined);
  await snapshot.close();
  const db = client.db(database);
  const collections = [];
  for (const { name, info } of (await db.listCollections().toArray()) as { name: string; info?: Document }[]) {
    const indexes = (await db.collection(name).listIndexes().toArray()).filter((index) => index['name'] !== '_id_');
    const documents = await db.collection(name).find().sort({ _id: 1 }).toArray();
    collections.push({ name, uuid: info?.['uuid'] as unknown, indexes, documents });
  }
  return `${BSON.EJSON.stringify({ collections }, undefined, 1, { relaxed: false })}\n`;
}

const [postgres, mongo] = await Promise.all([startPostgres(), startMongo()]);
const pool = new Pool({ connectionString: postgres.templateUrl });
const client = new MongoClient(mongo.url);
try {
  mkdirSync(here(''), { recursive: true });
  await startClock(pool, []);
  await ingest(pool);
  writeFileSync(here('results.txt'), `${records().join('\n')}\n`);
  writeFileSync(here('postgres.sql'), await dumpPostgres(pool));
  writeFileSync(here('mongodb.ejson'), await dumpMongo(pool, client));
  for (const file of migrations) copyFileSync(`${MIGRATIONS}/${file}`, here(file));
} finally {
  await client.close();
  await pool.end();
  await Promise.all([postgres.stop(), mongo.stop()]);
}
process.exit(0);
