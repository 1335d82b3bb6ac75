import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { TOPIC_ORDERS } from '../../wire/topics.js';
import { eventually } from '../../test/harness/eventually.js';
import { produce, readTopic } from '../../test/harness/kafka.js';
import { startStack, type TestStack } from '../../test/harness/stack.js';

let stack: TestStack;
let client: ClickHouseClient;
beforeAll(async () => {
  stack = await startStack({ without: ['generator', 'processor'] });
  client = createClient({ url: stack.clickhouseUrl });
}, 600_000);
afterAll(async () => {
  await client?.close();
  await stack?.stop();
}, 60_000);

interface RawRow {
  readonly p: number;
  readonly o: number;
  readonly before: number | null;
  readonly key: string | null;
  readonly value: string | null;
}

async function held(): Promise<RawRow[]> {
  const query = `SELECT source_partition AS p, toUInt32(source_offset) AS o, toUInt32(predecessor) AS before, event_key AS key, value
    FROM tidemark.raw_events FINAL ORDER BY p, o`;
  return (await client.query({ query, format: 'JSONEachRow' })).json<RawRow>();
}

const text = (o: RawRow): string => `${o.p}/${o.o} ${o.key} ${o.value}`;

test('the raw log equals the topic, poison included, though ClickHouse and the server are killed meanwhile', async () => {
  const messages = Array.from({ length: 3_000 }, (_, index) => ({
    key: `S${index % 17}`,
    value: index % 7 === 0 ? `{ broken ${index}` : JSON.stringify({ index }),
  }));
  const send = (from: number, to: number): Promise<void> =>
    produce(stack.kafkaBrokers, TOPIC_ORDERS, messages.slice(from, to));
  await send(0, 500);
  await eventually(async () => expect((await held()).length).toBe(500), { timeoutMs: 30_000 });
  await stack.processes.clickhouse.crash();
  await send(500, 1_500);
  await stack.processes.server.crash();
  await send(1_500, 3_000);
  await stack.processes.clickhouse.untilReady();
  await stack.processes.server.untilReady();
  const rows = await eventually(
    async () => {
      const found = await held();
      expect(found.length).toBe(messages.length);
      return found;
    },
    { timeoutMs: 60_000, everyMs: 300 },
  );
  const topic = await readTopic(stack.kafkaBrokers, TOPIC_ORDERS, messages.length);
  expect(rows.map(text).sort()).toEqual(
    topic.map(({ partition, offset, key, value }) => `${partition}/${offset} ${key} ${value}`).sort(),
  );
  // Each names the one before it, so that a hole would show.
  const broken = rows.filter((row, index) => row.before !== (row.o === 0 ? null : rows[index - 1]?.o));
  expect(broken).toEqual([]);
}, 180_000);
