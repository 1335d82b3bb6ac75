/** Where an event was written, asked of the raw log in ClickHouse; also of a log that an older version made. */
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { startClickhouse, type TestClickhouse } from '../../test/harness/clickhouse.js';
import { CLICKHOUSE_CLIENT_OPTIONS, CLICKHOUSE_LIMITS } from '../stores/clickhouse/command.js';
import { createRawLog } from '../stores/clickhouse/raw.js';
import type { RawRecord } from './port.js';

let clickhouse: TestClickhouse;
let client: ClickHouseClient;
beforeAll(async () => {
  clickhouse = await startClickhouse();
  client = createClient({ ...CLICKHOUSE_CLIENT_OPTIONS, url: clickhouse.url });
}, 300_000);
afterAll(async () => {
  await client?.close();
  await clickhouse?.stop();
}, 30_000);

const logIn = (database: string) => createRawLog({ client, database, limits: CLICKHOUSE_LIMITS }, 3_650);
const record = (partition: number, offset: number, value: unknown): RawRecord => ({
  partition,
  offset: BigInt(offset),
  predecessor: null,
  key: 'A',
  value:
    Buffer.isBuffer(value) || value === null
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  appendedAtMs: Date.UTC(2026, 10, 20) + offset,
});
const places = async (database: string, ...ids: string[]): Promise<unknown[]> =>
  (await logIn(database).find(ids))
    .map(({ eventId, partition, offset }) => [eventId, partition, Number(offset)])
    .sort();

test('flat events and envelopes are found by their id, each place once, whatever lies beside them', async () => {
  const log = logIn('found');
  await log.prepare();
  const records = [
    record(0, 1, { event_id: 'flat' }),
    record(0, 2, { op: 'u', before: { event_id: 'old' }, after: { event_id: 'new' } }),
    record(1, 3, { op: 'd', before: { event_id: 'gone' }, after: null }),
    record(1, 4, { event_id: 'flat' }),
    record(1, 5, 'not json'),
    record(1, 6, Buffer.from([0xff, 0])),
    record(1, 7, null),
    record(1, 8, { event_id: 'it\'s "quoted" \\ 삼' }),
  ];
  await log.append(records);
  await log.append(records.slice(0, 2));
  expect(await places('found', 'flat', 'new', 'gone', 'nowhere', 'flat')).toEqual([
    ['flat', 0, 1],
    ['flat', 1, 4],
    ['gone', 1, 3],
    ['new', 0, 2],
  ]);
  expect(await places('found', 'it\'s "quoted" \\ 삼')).toEqual([['it\'s "quoted" \\ 삼', 1, 8]]);
  expect(await places('found')).toEqual([]);
  expect((await log.find(Array.from({ length: 500 }, (_, i) => `00000000-0000-0000-0000-${i}`))).length).toBe(0);
});

test('a log of an older version is found in, too, without being written anew', async () => {
  const run = (query: string): Promise<unknown> => client.command({ query });
  await run('CREATE DATABASE older');
  await run(`CREATE TABLE older.raw_events (source_partition UInt32, source_offset UInt64, predecessor Nullable(UInt64),
    event_key Nullable(String), value Nullable(String) DEFAULT base64Decode(value_base64), value_base64 Nullable(String) EPHEMERAL,
    appended_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (source_partition, source_offset)
    TTL toDateTime(appended_at) + INTERVAL 3650 DAY`);
  await run(
    `INSERT INTO older.raw_events (source_partition, source_offset, value, appended_at) VALUES (2, 9, '{"event_id":"before"}', now())`,
  );
  const log = logIn('older');
  await log.prepare();
  await log.prepare();
  await log.append([record(2, 10, { event_id: 'after' })]);
  expect(await places('older', 'before', 'after')).toEqual([
    ['after', 2, 10],
    ['before', 2, 9],
  ]);
});

test('the append time is that of the newest record at or below an offset, of its own partition', async () => {
  const log = logIn('appended');
  await log.prepare();
  await log.append([record(0, 3, { a: 1 }), record(0, 5, { a: 2 }), record(1, 4, { a: 3 })]);
  const times = await Promise.all([2n, 3n, 4n, 5n, 9_007_199_254_740_993n].map((at) => log.appendedAtMs(0, at)));
  expect(times).toEqual([null, ...[3, 3, 5, 5].map((offset) => Date.UTC(2026, 10, 20) + offset)]);
});

test('a partition is read in order, each record once, bytes and links as they came', async () => {
  const log = logIn('pages');
  await log.prepare();
  const link = (offset: number, before: number | null, value: unknown): RawRecord => ({
    ...record(3, offset, value),
    predecessor: before === null ? null : BigInt(before),
  });
  const records = [
    link(0, null, '{"a":1}'),
    link(2, 0, Buffer.from([0xff, 0, 0x61])),
    link(3, 2, null),
    link(7, 3, ''),
    { ...link(8, 7, 'x'), key: null },
  ];
  await log.append([...records].reverse());
  await log.append(records.slice(1, 3));
  await log.append([record(4, 1, 'of another partition')]);
  expect(await log.read(3, 0n, 10)).toEqual(records);
  expect((await log.read(3, 1n, 2)).map(({ offset }) => Number(offset))).toEqual([2, 3]);
  expect(await log.read(3, 9n, 10)).toEqual([]);
  expect(await log.read(9, 0n, 10)).toEqual([]);
});
