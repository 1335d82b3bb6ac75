import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../test/harness/eventually.js';
import { endOffsets, readTopic } from '../test/harness/kafka.js';
import { startStack, type TestStack } from '../test/harness/stack.js';
import { prepareCapture, startCapture } from './cdc.js';
import { CONNECTOR_NAME, SLOT_NAME } from './connector.js';
import { silent } from './progress.js';
import { passwordReference } from './servers/secrets.js';
import { withClient } from './servers/postgres.js';
import { CDC_TOPIC, TOPICS } from './settings.js';

/** Servers alone: what is claimed here must hold before any of our own programs exists. */
describe('a stack of servers', () => {
  let stack: TestStack;
  let position = 0;
  beforeAll(async () => {
    stack = await startStack({ without: ['server', 'processor', 'generator'] });
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  async function commit(): Promise<void> {
    const row = [position + 1, randomUUID()];
    await withClient(stack.postgresUrl, (client) =>
      client.query(
        `INSERT INTO commit_log (position, part, parts, nonce, predecessor, incarnation, committed_at_us, keys, documents, document_count)
         VALUES ($1, 0, 1, $2, $2, $2, 0, '[]', '[]', 0)`,
        row,
      ),
    );
    position += 1;
  }
  const published = (): Promise<number[]> => endOffsets(stack.kafkaBrokers, CDC_TOPIC);

  test('has every declared topic with its partitions', async () => {
    for (const { name, partitions } of TOPICS)
      expect(await endOffsets(stack.kafkaBrokers, name)).toHaveLength(partitions);
  });

  test('publishes a commit log row to the change topic', async () => {
    await commit();
    const [record] = await readTopic(stack.kafkaBrokers, CDC_TOPIC, 1);
    expect(JSON.parse(record!.value!)).toMatchObject({ op: 'c', after: { position: 1, part: 0, documents: '[]' } });
  });

  test('publishes on after Postgres was killed', async () => {
    await stack.processes.postgres.crash();
    await eventually(commit, { timeoutMs: 20_000 });
    await eventually(async () => expect(await published()).toEqual([position]), { timeoutMs: 30_000 });
  });

  test('publishes what was committed while Kafka Connect was dead', async () => {
    await stack.processes.connect.kill9();
    await commit();
    await stack.processes.connect.start();
    await eventually(async () => expect((await published())[0]).toBeGreaterThanOrEqual(position), {
      timeoutMs: 30_000,
    });
  });

  test('warns of a lost slot, makes a new one before anybody writes on, and publishes from there', async () => {
    const capture = {
      postgresUrl: stack.postgresUrl,
      connectUrl: stack.connectUrl,
      password: passwordReference(stack.dataFolder),
      run: join(stack.dataFolder, 'run'),
    };
    await fetch(`${stack.connectUrl}/connectors/${CONNECTOR_NAME}/stop`, { method: 'PUT' });
    await withClient(stack.postgresUrl, (client) =>
      eventually(() => client.query('SELECT pg_drop_replication_slot($1)', [SLOT_NAME]), { timeoutMs: 20_000 }),
    );
    await commit();
    expect(await prepareCapture(capture)).toMatch(/^The replication slot tidemark_commit_log was lost/);
    expect(await prepareCapture(capture)).toBeUndefined();
    await commit();
    const before = (await published())[0]!;
    await startCapture(capture, silent.step('capture'), new AbortController().signal);
    await eventually(async () => expect((await published())[0]).toBe(before + 1), { timeoutMs: 20_000 });
    const last = (await readTopic(stack.kafkaBrokers, CDC_TOPIC, before + 1)).at(-1);
    expect(JSON.parse(last!.value!)).toMatchObject({ after: { position } });
  });

  test('stops without leaving a process or a file behind', async () => {
    await stack.stop();
    expect(stack.living()).toEqual([]);
    expect(existsSync(stack.dataFolder)).toBe(false);
  });
});
