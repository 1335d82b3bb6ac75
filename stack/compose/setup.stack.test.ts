import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import kafkajs, { type Admin } from 'kafkajs';
import { MongoClient } from 'mongodb';
import { eventually } from '../../test/harness/eventually.js';
import { endOffsets, produce, readTopic } from '../../test/harness/kafka.js';
import { killAtExit } from '../../test/harness/kill-at-exit.js';
import { makeSandbox } from '../../test/harness/sandbox.js';
import { startStack, type TestStack } from '../../test/harness/stack.js';
import { connectorConfig, CONNECTOR_NAME, SLOT_NAME } from '../connector.js';
import { APP_NAMES } from '../apps.js';
import { installMongodb } from '../install/mongodb.js';
import { environmentPaths, REPOSITORY } from '../paths.js';
import { Component } from '../process/component.js';
import { silent } from '../progress.js';
import { mongodbSpec } from '../servers/mongodb.js';
import { APP_USER, SUPERUSER, withClient } from '../servers/postgres.js';
import { passwordReference, secretsOf, secretsPath } from '../servers/secrets.js';
import { CDC_TOPIC, DATABASE, TOPICS } from '../settings.js';
import { composeFile } from './file.js';
import { ensureReplicaSet } from './replica-set.js';

/** The servers of the stack, emptied of all that the launcher has put into them. */
let stack: TestStack;
let notes: string;
let environment: Record<string, string>;
const at = (): { superuser: string; connector: string } => {
  const { port } = new URL(stack.postgresUrl);
  const { superuserPassword } = secretsOf(stack.dataFolder);
  return {
    superuser: `postgres://${SUPERUSER}:${superuserPassword}@127.0.0.1:${port}/postgres`,
    connector: `${stack.connectUrl}/connectors/${CONNECTOR_NAME}`,
  };
};
const query = async (url: string, text: string): Promise<Record<string, unknown>[]> =>
  (await withClient(url, (client) => client.query<Record<string, unknown>>(text))).rows;

const deleteTopics = (): Promise<void> =>
  withKafka((admin) => admin.deleteTopics({ topics: TOPICS.map((topic) => topic.name) }));
async function withKafka<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new kafkajs.Kafka({ brokers: [stack.kafkaBrokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

async function dropSlot(): Promise<void> {
  const { superuser } = at();
  await query(superuser, `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active`);
  await eventually(() => query(superuser, `SELECT pg_drop_replication_slot('${SLOT_NAME}')`));
}

async function empty(): Promise<void> {
  const { superuser, connector } = at();
  await fetch(connector, { method: 'DELETE' });
  await dropSlot();
  await query(superuser, `DROP DATABASE ${DATABASE} WITH (FORCE)`);
  await query(superuser, `REVOKE pg_monitor, pg_signal_backend, pg_checkpoint FROM ${APP_USER}`);
  await query(superuser, `DROP ROLE ${APP_USER}`);
  await deleteTopics();
}

/** As compose starts it: the service's command and variables, only the addresses are this machine's. */
async function setup(): Promise<{ code: number | undefined; output: string }> {
  const [command = '', ...args] = composeFile().services['setup']?.command ?? [];
  const result = await execa(command, args, {
    cwd: REPOSITORY,
    env: environment,
    reject: false,
    all: true,
    stdin: 'ignore',
  });
  return { code: result.exitCode, output: result.all };
}

beforeAll(async () => {
  stack = await startStack({ without: APP_NAMES });
  notes = mkdtempSync(join(tmpdir(), 'tidemark-setup-'));
  const { superuser } = at();
  environment = {
    KAFKA_BROKERS: stack.kafkaBrokers,
    CONNECT_URL: stack.connectUrl,
    POSTGRES_URL: stack.postgresUrl,
    POSTGRES_SUPERUSER_URL: superuser,
    MONGODB_HOST: new URL(stack.mongoUrl).host,
    CONNECT_PASSWORD_REFERENCE: passwordReference(stack.dataFolder),
    SETUP_NOTES: notes,
  };
}, 180_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(notes, { recursive: true, force: true });
}, 60_000);

const connectorNow = async (): Promise<unknown> => (await fetch(`${at().connector}/config`)).json();

/** Everything that setup makes, as it can be seen from outside. */
async function made(): Promise<unknown> {
  const slots = await query(at().superuser, 'SELECT slot_name, plugin, database, wal_status FROM pg_replication_slots');
  const topics = await withKafka(async (admin) => {
    const { topics: found } = await admin.fetchTopicMetadata({ topics: TOPICS.map(({ name }) => name) });
    return found.map(({ name, partitions }) => [name, partitions.length]).sort();
  });
  const migrations = await query(stack.postgresUrl, 'SELECT id, name, run_on FROM tidemark_migrations');
  const role = await query(
    at().superuser,
    `SELECT oid, rolsuper, rolreplication FROM pg_roles WHERE rolname = '${APP_USER}'`,
  );
  return { slots, topics, migrations, role, connector: await connectorNow() };
}

/** One commit log row, the way it goes: Postgres, slot, connector, topic. */
async function streams(position: number): Promise<void> {
  const before = (await endOffsets(stack.kafkaBrokers, CDC_TOPIC))[0] ?? 0;
  await query(
    stack.postgresUrl,
    `INSERT INTO commit_log (position, part, parts, nonce, predecessor, incarnation, committed_at_us, keys, documents, document_count)
     VALUES (${position}, 0, 1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, '[]', '[]', 0)`,
  );
  const records = await readTopic(stack.kafkaBrokers, CDC_TOPIC, before + 1);
  expect(JSON.parse(records.at(-1)?.value ?? '{}')).toMatchObject({ op: 'c', after: { position } });
}

test('on empty servers makes everything, and what Postgres commits arrives in the change topic', async () => {
  await empty();
  expect(await setup()).toMatchObject({ code: 0, output: expect.stringContaining('connector: streams') as string });
  const { hostname: host, port } = new URL(stack.postgresUrl);
  const password = passwordReference(stack.dataFolder);
  expect(await connectorNow()).toEqual({
    ...connectorConfig({ host, port: Number(port), user: APP_USER, password, database: DATABASE }),
    name: CONNECTOR_NAME,
  });
  await streams(1);
}, 120_000);

test('a second and a third time change nothing, and the stream goes on', async () => {
  const before = await made();
  expect((await setup()).code).toBe(0);
  expect((await setup()).output).toContain('0 migrations applied now');
  expect(await made()).toEqual(before);
  await streams(2);
}, 120_000);

test('a slot that was lost is made anew, its old offsets are forgotten, and the loss is said', async () => {
  await fetch(`${at().connector}/stop`, { method: 'PUT' });
  await dropSlot();
  const { code, output } = await setup();
  expect(output).toContain(`The replication slot ${SLOT_NAME} was lost although the commit log has rows`);
  expect(code).toBe(0);
  await streams(3);
}, 120_000);

test('topics that were deleted and a connector that was paused come back', async () => {
  await fetch(`${at().connector}/pause`, { method: 'PUT' });
  await withKafka((admin) => admin.deleteTopics({ topics: ['orders.events'] }));
  expect((await setup()).code).toBe(0);
  expect(await endOffsets(stack.kafkaBrokers, 'orders.events')).toEqual([0, 0, 0, 0]);
  await streams(4);
}, 120_000);

test('a changed password is brought up to date, and one that could not travel is refused with a sentence', async () => {
  const url = new URL(stack.postgresUrl);
  const old = url.password;
  const file = secretsPath(stack.dataFolder);
  for (const [before, now] of [
    [old, 'another-password'],
    ['another-password', old],
  ] as const) {
    // In compose the container of Connect gets the new one from the same variable.
    writeFileSync(file, readFileSync(file, 'utf8').replace(`password=${before}\n`, `password=${now}\n`));
    url.password = now;
    expect((await setupWith({ POSTGRES_URL: url.href })).code).toBe(0);
    expect(await query(url.href, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }
  url.password = 'p@ss word';
  const refused = await setupWith({ POSTGRES_URL: url.href });
  expect(refused).toEqual({
    code: 1,
    output: expect.stringMatching(/^setup: STACK_SETTING_INVALID: POSTGRES_PASSWORD must/) as string,
  });
  expect((await setupWith({ SETUP_NOTES: '' })).output).toBe('setup: STACK_SETTING_INVALID: SETUP_NOTES is not set.');
}, 120_000);

async function setupWith(other: Record<string, string>): Promise<{ code: number | undefined; output: string }> {
  const usual = environment;
  environment = { ...usual, ...other };
  try {
    return await setup();
  } finally {
    environment = usual;
  }
}

test('a health check of flow is green while records come, and red when the last is too old', async () => {
  const flows = async (topic: string, seconds: number): Promise<number | undefined> =>
    (
      await execa('node', ['--import', 'tsx', 'stack/compose/flows.ts', topic, String(seconds)], {
        cwd: REPOSITORY,
        env: environment,
        reject: false,
      })
    ).exitCode;
  expect(await flows('results.kafka-only', 60)).toBe(1);
  await produce(stack.kafkaBrokers, 'orders.events', [{ key: 'a', value: '{}' }]);
  expect(await flows('orders.events', 60)).toBe(0);
  await eventually(async () => expect(await flows('orders.events', 1)).toBe(1), { timeoutMs: 20_000 });
}, 60_000);

test('a mongod that never was in a replica set becomes one of one, and stays it', async () => {
  const sandbox = await makeSandbox('compose-mongo');
  const host = `127.0.0.1:${sandbox.ports.mongodb}`;
  const program = await installMongodb(environmentPaths().cache, silent.step('mongodb'), new AbortController().signal);
  mkdirSync(join(sandbox.paths.data, 'mongodb'), { recursive: true });
  const ping = async (): Promise<boolean> => {
    const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: 1_000 });
    try {
      return (await client.db('admin').command({ ping: 1 })).ok === 1;
    } finally {
      await client.close();
    }
  };
  const mongod = new Component({ ...mongodbSpec(sandbox.context, program), isReady: ping }, () => undefined);
  killAtExit(mongod);
  try {
    await mongod.start();
    expect(await ensureReplicaSet(host, 20_000)).toBe('initiated');
    expect(await ensureReplicaSet(host, 20_000)).toBe('present');
    await expect(ensureReplicaSet(`localhost:${sandbox.ports.mongodb}`, 20_000)).rejects.toThrow(
      /has no member localhost/,
    );
  } finally {
    await mongod.stop();
    sandbox.remove();
  }
}, 60_000);
