import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { startClickhouse, type TestClickhouse } from '../../../test/harness/clickhouse.js';
import { createRawHandler } from '../../raw/run.js';
import { copyOf, History, key, result } from '../conformance.data.js';
import type { LogRecord } from '../../log/port.js';
import type { StatsQuery } from '../port.js';
import { CLICKHOUSE_CLIENT_OPTIONS, CLICKHOUSE_LIMITS } from './command.js';
import { createClickhouse, type Clickhouse } from './model.js';
import { META_TABLE } from './schema.js';

let clickhouse: TestClickhouse;
let client: ClickHouseClient;
let number = 0;

beforeAll(async () => {
  clickhouse = await startClickhouse();
  client = createClient({ ...CLICKHOUSE_CLIENT_OPTIONS, url: clickhouse.url });
}, 300_000);

afterAll(async () => {
  await client?.close();
  await clickhouse?.stop();
}, 30_000);

interface Opened extends Clickhouse {
  readonly database: string;
}

/** Over all that are open: two servers never draw the same name. */
let names = 0;
function open(database = `test_${++number}`, rawDays = 7): Opened {
  const options = { client, database, nowMs: Date.now, newName: () => `n${process.pid}_${names++}`, rawDays };
  return { database, ...createClickhouse(options) };
}

const rows = async <T>(query: string): Promise<T[]> => (await client.query({ query, format: 'JSONEachRow' })).json<T>();
const run = (query: string): Promise<unknown> => client.command({ query });
const tableOf = async ({ database }: Opened): Promise<string> => {
  const [row] = await rows<{ name: string }>(
    `SELECT table_name AS name FROM ${database}.${META_TABLE} ORDER BY generation DESC LIMIT 1`,
  );
  return `${database}.${row?.name}`;
};

const at = (minutes: number): string => new Date(Date.UTC(2026, 0, 5, 9, minutes)).toISOString();
const window = (symbol: string, minutes: number, value: object, more: object = {}) => ({
  businessKey: `${symbol}@${at(minutes)}`,
  calculatedValue: {
    symbol,
    window_start: at(minutes),
    orders_total: 3,
    orders_buy: 2,
    orders_sell: 1,
    total_amount: '84850000',
    min_price: '72000',
    max_price: '74000',
    ...value,
  },
  ...more,
});
const asked: StatsQuery = { symbol: '005930', engine: 'KAFKA_ONLY', from: at(0), to: at(60) };

describe('identity', () => {
  async function filled(): Promise<[Opened, History]> {
    const opened = open();
    const history = new History();
    await opened.model.rebuild(copyOf(), history.now(), () => undefined);
    await opened.model.apply([history.commit({ businessKey: 'a' }, { businessKey: 'b' })], history.now());
    return [opened, history];
  }

  test('a table that was truncated, though it keeps its UUID, is not the one that was filled', async () => {
    const [opened, history] = await filled();
    await run(`TRUNCATE TABLE ${await tableOf(opened)}`);
    await expect(opened.model.readMany([key('a')])).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' });
    await expect(opened.model.apply([history.commit()], history.now())).rejects.toMatchObject({
      code: 'POSITION_UNKNOWN',
    });
    expect(await opened.model.binding()).toMatchObject({ status: 'unbound' });
  });

  test('rows of another shape are rebuilt, not misread', async () => {
    const [opened] = await filled();
    await run(
      `ALTER TABLE ${opened.database}.${META_TABLE} UPDATE document_version = 0 WHERE 1 SETTINGS mutations_sync = 2`,
    );
    expect(await opened.model.binding()).toMatchObject({
      status: 'unbound',
      reason: expect.stringContaining('version 0'),
    });
  });

  test('of two rebuilds from the same state one wins, and the other says so', async () => {
    const [opened, history] = await filled();
    const others = [open(opened.database), open(opened.database), open(opened.database)];
    const outcomes = await Promise.allSettled(
      others.map(({ model }, index) =>
        model.rebuild(
          copyOf([result(history.now().position, { businessKey: `${index}` })]),
          history.now(),
          () => undefined,
        ),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
    const reader = open(opened.database).model;
    const bound = await reader.binding();
    if (bound.status !== 'bound') throw new Error(bound.reason);
    const { data } = await reader.readMany(['0', '1', '2', 'a'].map((name) => key(name)));
    // Whole: the copy of one of them, or the old table.
    expect(data.filter((row) => row !== null)).toHaveLength(1);
  });

  test('a position that was answered survives kill -9, with all its data', async () => {
    const [opened, history] = await filled();
    let acknowledged = history.now();
    const writer = (async () => {
      for (;;) {
        const change = history.commit({ businessKey: 'a' }, { businessKey: `c${history.now().position}` });
        const reached = history.now();
        await opened.model.apply([change], reached);
        acknowledged = reached;
      }
    })().catch((error: { code?: string }) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await clickhouse.kill9();
    expect(await writer).toBe('STORE_UNAVAILABLE');
    await clickhouse.restart();
    const bound = await opened.model.binding();
    if (bound.status !== 'bound') throw new Error(bound.reason);
    expect(bound.applied.position).toBeGreaterThanOrEqual(acknowledged.position);
    expect(acknowledged.position).toBeGreaterThan(5n);
    const keys = Array.from({ length: Number(bound.applied.position) - 1 }, (_, index) => key(`c${index + 1}`));
    const { data } = await opened.model.readMany([key('a'), ...keys]);
    expect(data.every((row) => row !== null)).toBe(true);
    // Data may be ahead of the position, never behind it.
    expect(data[0]?.position).toBeGreaterThanOrEqual(bound.applied.position);
  }, 60_000);

  test('a stopped engine fails within its limit, and is used again when it goes on', async () => {
    const [opened] = await filled();
    clickhouse.sigstop();
    const began = performance.now();
    await expect(opened.model.readMany([key('a')])).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
    });
    expect(performance.now() - began).toBeLessThan(CLICKHOUSE_LIMITS.readMs + 1_500);
    clickhouse.sigcont();
    expect((await opened.model.readMany([key('a')])).data[0]?.businessKey).toBe('a');
  }, 30_000);
});

describe('statistics', () => {
  async function filled(...documents: ReturnType<typeof window>[]): Promise<Opened> {
    const opened = open();
    const history = new History();
    await opened.model.rebuild(copyOf(), history.now(), () => undefined);
    for (const document of documents) await opened.model.apply([history.commit(document)], history.now());
    return opened;
  }

  test('sums are exact, replaced and deleted windows and other symbols do not count', async () => {
    const { model } = await filled(
      window('005930', 0, { total_amount: '1' }),
      window(
        '005930',
        0,
        { total_amount: '9007199254740993.00000001', min_price: '0.5' },
        { cap: 'HIGH', final: true },
      ),
      window('005930', 5, { total_amount: '0.00000002', max_price: '74000.5' }, { reasons: ['LATE_UPDATE'] }),
      window('005930', 10, {}, { deleted: true }),
      window('005930', 60, {}),
      window('005930', 15, {}, { engine: 'FLINK' }),
      window('0059301', 0, {}),
      window('00593', 0, {}),
    );
    const { data, applied } = await model.symbolStats(asked);
    expect(data).toMatchObject({
      windows: 2,
      ordersTotal: 6,
      ordersBuy: 4,
      ordersSell: 2,
      totalAmount: '9007199254740993.00000003',
      minPrice: '0.5',
      maxPrice: '74000.5',
      cap: 'EVENTUALLY_CONSISTENT',
      reasons: ['LATE_UPDATE', 'NO_CHECKPOINT'],
      position: 3n,
    });
    expect(data.members).toHaveLength(2);
    expect(data.members.map(({ windows }) => windows)).toEqual([1, 1]);
    expect(applied?.position).toBe(8n);
    const history = await model.history({ ...asked, limit: 10 });
    expect(history.data.map(({ businessKey }) => businessKey)).toEqual([`005930@${at(0)}`, `005930@${at(5)}`]);
    expect((await model.history({ ...asked, limit: 1 })).data).toHaveLength(1);
    // What has expired counts nowhere, though it is still there.
    const expiredTo = history.data[0]?.position ?? null;
    const later = { ...asked, expiredTo };
    expect((await model.symbolStats(later)).data).toMatchObject({ windows: 1, totalAmount: '0.00000002' });
    expect((await model.history({ ...later, limit: 10 })).data).toEqual(history.data.slice(1));
  });

  test('no window is no statistic, and an amount that the column can not hold is not rounded', async () => {
    const { model } = await filled(window('005930', 0, { total_amount: '0.1234567890123456789' }));
    expect((await model.symbolStats({ ...asked, symbol: 'none' })).data).toMatchObject({
      windows: 0,
      totalAmount: null,
      cap: null,
      position: null,
      members: [],
    });
    expect((await model.symbolStats(asked)).data).toMatchObject({ windows: 1, totalAmount: null, minPrice: '72000' });
  });

  test("a value altered by ClickHouse's own driver changes exactly that answer", async () => {
    const opened = await filled(window('005930', 0, {}), window('000660', 0, {}));
    const keys = [key(`005930@${at(0)}`), key(`000660@${at(0)}`)];
    const before = (await opened.model.readMany(keys)).data;
    await run(
      `ALTER TABLE ${await tableOf(opened)} UPDATE calculated_value = replaceOne(calculated_value, '84850000', '1')
       WHERE business_key = '005930@${at(0)}' SETTINGS mutations_sync = 2`,
    );
    const after = (await opened.model.readMany(keys)).data;
    expect(after[0]).toEqual({ ...before[0], calculatedValue: { ...before[0]?.calculatedValue, total_amount: '1' } });
    expect(after[1]).toEqual(before[1]);
    expect((await opened.model.symbolStats(asked)).data.totalAmount).toBe('1');
    expect((await opened.model.symbolStats({ ...asked, symbol: '000660' })).data.totalAmount).toBe('84850000');
  });
});

describe('the raw log', () => {
  const record = (offset: number, value: Buffer | null = Buffer.from(`{"n":${offset}}`)): LogRecord => ({
    offset: BigInt(offset),
    key: '005930',
    value,
    timestampMs: Date.UTC(2026, 10, 20) + offset,
  });
  const batch = (...records: LogRecord[]) => ({ topic: 'orders.events', partition: 2, records, transactional: false });
  const handlerOf = ({ rawLog }: Opened) =>
    createRawHandler({ rawLog, paceMs: 0, monotonicMs: () => performance.now() });
  const held = ({ database }: Opened) =>
    rows<{ o: number; p: number | null; v: string | null }>(
      `SELECT toUInt32(source_offset) AS o, toUInt32(predecessor) AS p, hex(value) AS v FROM ${database}.raw_events FINAL ORDER BY o`,
    );
  const extent = { low: 0n, high: 100n };

  test('every event is kept as it came, decodable or not, once, with what came before it', async () => {
    const opened = open('raw_kept', 3650);
    const handler = handlerOf(opened);
    expect(await handler.start('orders.events', 2, extent)).toBe(0n);
    const odd = Buffer.from([0xff, 0x00, 0xfe, 0x27, 0x5c, 0x0a]);
    const first = batch(record(0), record(1, odd), record(3, null));
    await handler.handle(first);
    // After a lost acknowledgement the same comes again.
    const again = handlerOf(opened);
    expect(await again.start('orders.events', 2, extent)).toBe(4n);
    await again.handle(batch(record(4, Buffer.from('삼 "\\'))));
    await opened.rawLog.append([
      {
        partition: 2,
        offset: 4n,
        predecessor: 3n,
        key: '005930',
        value: Buffer.from('삼 "\\'),
        appendedAtMs: Date.UTC(2026, 10, 20) + 4,
      },
    ]);
    expect(await held(opened)).toEqual([
      { o: 0, p: null, v: Buffer.from('{"n":0}').toString('hex').toUpperCase() },
      { o: 1, p: 0, v: odd.toString('hex').toUpperCase() },
      { o: 3, p: 1, v: null },
      { o: 4, p: 3, v: Buffer.from('삼 "\\').toString('hex').toUpperCase() },
    ]);
    expect(
      await rows(
        `SELECT event_key AS k, toUnixTimestamp64Milli(appended_at) - ${Date.UTC(2026, 10, 20)} AS t FROM ${opened.database}.raw_events FINAL WHERE source_offset = 4`,
      ),
    ).toEqual([{ k: '005930', t: expect.anything() }]);
  });

  test('records that the topic has dropped begin a new chain; a topic made anew blocks', async () => {
    const opened = open('raw_chain', 3650);
    const handler = handlerOf(opened);
    await handler.start('orders.events', 2, extent);
    await handler.handle(batch(record(0), record(1)));
    expect(await handlerOf(opened).start('orders.events', 2, { low: 50n, high: 60n })).toBe(50n);
    const after = handlerOf(opened);
    await after.start('orders.events', 2, { low: 50n, high: 60n });
    await after.handle(batch(record(50)));
    expect((await held(opened)).at(-1)).toMatchObject({ o: 50, p: null });
    await expect(handlerOf(opened).start('orders.events', 2, { low: 0n, high: 10n })).rejects.toMatchObject({
      code: 'RAW_TOPIC_REPLACED',
      retryable: false,
    });
    expect(await handlerOf(opened).start('orders.events', 3, extent)).toBe(0n);
  });

  test('a dropped log is made again and filled from the beginning; its retention follows the setting', async () => {
    const opened = open('raw_dropped', 5);
    const handler = handlerOf(opened);
    await handler.start('orders.events', 2, extent);
    await handler.handle(batch(record(0)));
    await run('DROP TABLE raw_dropped.raw_events SYNC');
    await expect(handler.handle(batch(record(1)))).rejects.toMatchObject({ retryable: true });
    expect(await handler.start('orders.events', 2, extent)).toBe(0n);
    const ttl = async () =>
      (
        await rows<{ d: string }>(
          `SELECT engine_full AS d FROM system.tables WHERE database = 'raw_dropped' AND name = 'raw_events'`,
        )
      )[0]?.d;
    expect(await ttl()).toContain('toIntervalDay(5)');
    await open('raw_dropped', 9).rawLog.prepare();
    expect(await ttl()).toContain('toIntervalDay(9)');
  });
});
