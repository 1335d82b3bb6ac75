/**
 * Ingest as a process of its own while Postgres and Kafka restart and the links to them break (check 5): it says what is
 * wrong, tries again within bounds, and goes on by itself. A slow Postgres makes it slow, not large.
 */
import { Client } from 'pg';
import { eventually } from './harness/eventually.js';
import { IngestChild } from './harness/ingest-child.js';
import { Feed } from './harness/ingest-feed.js';
import type { IngestProgram } from './harness/ingest-program-types.js';
import { consumed, discrepancies } from './harness/ingest-truth.js';
import { startKafkaAndPostgres, type KafkaAndPostgres } from './harness/kafka-and-postgres.js';

let servers: KafkaAndPostgres;
let feed: Feed;
let sql: Client;
const children: IngestChild[] = [];

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: servers.postgresUrl });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
function start(program: Partial<IngestProgram> = {}, nodeArguments: readonly string[] = []): IngestChild {
  const addresses = { brokers: servers.brokers, postgresUrl: servers.linkedPostgresUrl };
  const child = new IngestChild(
    { ...addresses, group: 'links', maxBytes: 4_096, drainMs: 8_000, ...program },
    nodeArguments,
  );
  children.push(child);
  return child;
}
const takenIn = (timeoutMs = 120_000): Promise<void> =>
  eventually(async () => expect(await consumed(sql)).toEqual(feed.ends), { timeoutMs, everyMs: 50 });
const healthy = (child: IngestChild): Promise<void> =>
  eventually(() => expect(child.troubles).toEqual([]), { timeoutMs: 60_000, everyMs: 20 });

beforeAll(async () => {
  servers = await startKafkaAndPostgres();
  sql = await connect();
  feed = new Feed(servers.brokers);
  await feed.start();
}, 300_000);
afterEach(() => {
  servers.kafkaLink.heal();
  servers.postgresLink.heal();
  for (const child of children.splice(0)) child.signal('SIGKILL');
});
afterAll(async () => {
  await feed?.stop();
  await sql?.end();
  await servers?.stop();
}, 60_000);

interface Fault {
  readonly name: string;
  readonly begin: () => unknown;
  /** What it must say while the fault lasts; undefined: the fault is over at once. */
  readonly says?: RegExp;
  readonly end?: () => unknown;
}

/** Each fault in the middle of a backlog; how long it took to go on is written to the log of the test, never judged. */
async function outlives(child: IngestChild, faults: readonly Fault[]): Promise<void> {
  for (const { name, begin, says, end } of faults) {
    await feed.produce(15);
    const before = child.consumed;
    await eventually(() => expect(child.consumed).toBeGreaterThan(before), { timeoutMs: 60_000, everyMs: 10 });
    await begin();
    if (says !== undefined) {
      await eventually(() => expect(child.troubles.join()).toMatch(says), { timeoutMs: 60_000, everyMs: 20 });
    }
    await end?.();
    const healed = performance.now();
    await takenIn();
    const first = child.of('committed').find(({ atMs, consumed: some }) => atMs > healed && some > 0);
    await healthy(child);
    const tookMs = first === undefined ? 0 : Math.round(first.atMs - healed);
    process.stderr.write(
      `${name}: goes on after ${tookMs} ms, all well after ${Math.round(performance.now() - healed)} ms\n`,
    );
  }
  expect(await discrepancies(sql, feed)).toEqual([]);
}

test('sessions ended, a link reset, cut, silent, and a restart of Postgres: told, outlived, nothing lost or twice', async () => {
  const child = start({ statementMs: 2_000 });
  await child.until('joined');
  const link = servers.postgresLink;
  await outlives(child, [
    {
      name: 'Postgres ends every session',
      begin: () =>
        sql.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidemark-ingest'`),
    },
    { name: 'the link to Postgres is reset', begin: () => link.reset() },
    {
      name: 'the link to Postgres is cut',
      begin: () => link.cut(),
      says: /waits, and is read again/,
      end: () => link.heal(),
    },
    {
      name: 'the link to Postgres is silent',
      begin: () => link.silence(),
      says: /waits, and is read again/,
      end: () => link.heal(),
    },
    {
      name: 'Postgres restarts',
      begin: () => servers.postgres.restart(),
      end: async () => {
        sql = await connect();
      },
    },
  ]);
}, 300_000);

test('a link reset, cut, silent, and a restart of Kafka: told, outlived, nothing lost or twice', async () => {
  const child = start();
  await child.until('joined');
  const link = servers.kafkaLink;
  await outlives(child, [
    { name: 'the link to Kafka is reset', begin: () => link.reset() },
    {
      name: 'the link to Kafka is cut',
      begin: () => link.cut(),
      says: /reads nothing|not answered/,
      end: () => link.heal(),
    },
    {
      name: 'the link to Kafka is silent',
      begin: () => link.silence(),
      says: /reads nothing|not answered/,
      end: () => link.heal(),
    },
    { name: 'Kafka restarts', begin: () => servers.kafka.restart() },
  ]);
}, 300_000);

test('started while Kafka is away it says so, and joins once Kafka is there', async () => {
  servers.kafkaLink.cut();
  const child = start();
  await eventually(() => expect(child.troubles.join()).toMatch(/links reads nothing: .*ECONN|Connection/), {
    timeoutMs: 60_000,
  });
  servers.kafkaLink.heal();
  await child.until('joined');
  await feed.produce(1);
  await takenIn();
  await healthy(child);
}, 120_000);

test('a slow Postgres makes ingest slow, not large: what it holds does not grow with the backlog', async () => {
  const RECORD = 6_000;
  await feed.produce(120, RECORD);
  const backlog = 120 * 4 * 6 * RECORD;
  servers.postgresLink.slow(10);
  const child = start({ maxBytes: 65_536, memory: true }, ['--expose-gc']);
  await child.until('memory');
  await child.until('committed', 12, 150_000);
  const live = child.of('memory').map(({ bytes }) => bytes);
  const left =
    feed.ends.reduce((sum, end) => sum + end, 0) - (await consumed(sql)).reduce((sum, next) => sum + next, 0);
  // Most of it is still to come: had it been read ahead, it would be in memory.
  expect(left).toBeGreaterThan((120 * 4 * 8) / 2);
  expect(live.length).toBeGreaterThan(2);
  expect(Math.max(...live) - live[0]!).toBeLessThan(backlog / 2);
  process.stderr.write(`backlog ${backlog}, live ${live[0]} to ${Math.max(...live)} bytes\n`);
  servers.postgresLink.heal();
  await takenIn();
  expect(await discrepancies(sql, feed)).toEqual([]);
}, 240_000);
