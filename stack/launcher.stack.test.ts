import { existsSync } from 'node:fs';
import { MongoClient } from 'mongodb';
import { eventually } from '../test/harness/eventually.js';
import { endOffsets, produce } from '../test/harness/kafka.js';
import { componentsOf, launch, untilReady, type Launched } from '../test/harness/launcher.js';
import { startMongo, type TestMongo } from '../test/harness/mongo.js';
import { makeSandbox, type Sandbox } from '../test/harness/sandbox.js';
import { FlinkRest, type CheckpointFacts } from './flink/rest.js';
import { flinkUrl } from './servers/flink.js';
import { mongodbUrl } from './servers/mongodb.js';
import { postgresUrl, withClient } from './servers/postgres.js';
import { secretsOf } from './servers/secrets.js';

const SERVERS = ['clickhouse', 'connect', 'elasticsearch', 'jobmanager', 'kafka', 'mongodb', 'postgres', 'taskmanager'];
const WITHOUT = ['--without', 'server,processor,generator'];

/** The tests run in this order and build on each other: one life of an installation. */
describe('npm start, npm stop and npm run reset', () => {
  let sandbox: Sandbox;
  let bystander: TestMongo;
  let first: Launched;
  const postgres = (): string => postgresUrl(sandbox.ports.postgres, secretsOf(sandbox.paths.data).password);
  const brokers = (): string => `127.0.0.1:${sandbox.ports.kafka}`;
  const flink = async (): Promise<CheckpointFacts> => {
    const rest = new FlinkRest(flinkUrl(sandbox.ports.flink));
    return rest.checkpoints((await rest.jobs())[0]?.jid ?? '');
  };

  beforeAll(async () => {
    sandbox = await makeSandbox('launcher');
    bystander = await startMongo();
    first = launch(sandbox, 'start', ...WITHOUT);
    await untilReady(first);
  }, 600_000);
  afterAll(async () => {
    await launch(sandbox, 'stop').ended;
    await bystander.stop();
    sandbox.remove();
  }, 120_000);

  test('the start ends with a table of addresses that holds no password', () => {
    expect(componentsOf(sandbox)).toEqual(SERVERS);
    expect(first.output()).toContain(`127.0.0.1:${sandbox.ports.postgres}`);
    expect(first.output()).toContain('npx tidemark produce --shift-to-now test/fixtures/worked-example.jsonl');
    expect(first.output()).not.toContain(secretsOf(sandbox.paths.data).password);
  });

  test('a second start is refused with one sentence and disturbs nothing', async () => {
    const { code, output } = await launch(sandbox, 'start').ended;
    expect(code).toBe(1);
    expect(output).toMatch(/^STACK_ALREADY_RUNNING: process \d+ already runs a stack on .*\n$/);
    expect(componentsOf(sandbox)).toEqual(SERVERS);
  }, 60_000);

  test('a start beside it on the same ports is refused with one sentence that names the port', async () => {
    const other = await makeSandbox('beside');
    const { code, output } = await launch({ ...other, ports: sandbox.ports }, 'start').ended;
    other.remove();
    expect(code).toBe(1);
    expect(output).toMatch(/^STACK_PORT_IN_USE: port \d+, which .* needs, is in use: .*\n$/);
  }, 60_000);

  test('after a kill -9 of the launcher, npm stop ends what it left behind, and only that', async () => {
    await withClient(postgres(), (client) => client.query('CREATE TABLE kept AS SELECT 1 AS a'));
    const mongo = new MongoClient(mongodbUrl(sandbox.ports.mongodb));
    await mongo.db().collection('kept').insertOne({ a: 1 });
    await mongo.close();
    await produce(brokers(), 'orders.events', [{ key: 'k', value: 'v' }]);
    await eventually(async () => expect((await flink()).latest.completed?.id).toBeGreaterThan(1), {
      timeoutMs: 60_000,
    });
    first.process.kill('SIGKILL');
    await first.ended;
    expect(componentsOf(sandbox)).toEqual(SERVERS);

    const { code, output } = await launch(sandbox, 'stop').ended;
    expect(code).toBe(0);
    expect(output).toContain('Ended what an earlier start left behind');
    expect(componentsOf(sandbox)).toEqual([]);
    const client = new MongoClient(bystander.url);
    await expect(client.db().command({ ping: 1 })).resolves.toMatchObject({ ok: 1 });
    await client.close();
  }, 120_000);

  test('the next start has all data, and Ctrl-C drains it', async () => {
    const second = launch(sandbox, 'start', ...WITHOUT);
    await untilReady(second);
    const rows = await withClient(postgres(), (client) => client.query('SELECT a FROM kept'));
    expect(rows.rows).toEqual([{ a: 1 }]);
    const mongo = new MongoClient(mongodbUrl(sandbox.ports.mongodb));
    expect(await mongo.db().collection('kept').countDocuments()).toBe(1);
    await mongo.close();
    const counts = await endOffsets(brokers(), 'orders.events');
    expect(counts.reduce((sum, count) => sum + count)).toBe(1);
    // The Flink job goes on where the one before was, though its JobManager knew nothing of it.
    expect((await flink()).latest.restored?.external_path).toMatch(/\/chk-\d+$/);
    second.process.kill('SIGINT');
    const { code, output } = await second.ended;
    expect(code).toBe(0);
    expect(output).toContain('Stopped. The data stays for the next start.');
    expect(componentsOf(sandbox)).toEqual([]);
  }, 180_000);

  test('Ctrl-C in the middle of a start ends what was started so far', async () => {
    const third = launch(sandbox, 'start', ...WITHOUT);
    await eventually(() => expect(componentsOf(sandbox)).toContain('kafka'), { timeoutMs: 90_000 });
    third.process.kill('SIGINT');
    expect((await third.ended).code).toBe(0);
    expect(componentsOf(sandbox)).toEqual([]);
  }, 120_000);

  test('reset removes the data and says what it removed', async () => {
    const { code, output } = await launch(sandbox, 'reset').ended;
    expect(code).toBe(0);
    expect(output).toContain(`Removed ${sandbox.paths.data}`);
    expect(existsSync(sandbox.paths.data)).toBe(false);
  }, 60_000);
});
