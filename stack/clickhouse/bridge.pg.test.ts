import { request } from 'node:http';
import { createClient, TupleParam, type ClickHouseClient } from '@clickhouse/client';
import { startClickhouse, type TestClickhouse } from '../../test/harness/clickhouse.js';

let clickhouse: TestClickhouse;
let client: ClickHouseClient;

const connect = (more: object = {}): ClickHouseClient =>
  createClient({ url: clickhouse.url, log: { level: 127 }, ...more });

beforeAll(async () => {
  clickhouse = await startClickhouse();
  client = connect();
  await client.command({ query: 'CREATE DATABASE bridge' });
}, 300_000);

afterAll(async () => {
  await client?.close();
  await clickhouse?.stop();
}, 30_000);

async function rows<T>(query: string, query_params: Record<string, unknown> = {}, from = client): Promise<T[]> {
  return (await from.query({ query, query_params, format: 'JSONEachRow' })).json<T>();
}

async function http(path: string, headers: Record<string, string> = {}, body = ''): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const sent = request(`${clickhouse.url}${path}`, { method: body === '' ? 'GET' : 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve([response.statusCode ?? 0, text]));
    });
    sent.on('error', reject).end(body);
  });
}

describe('the bridge, through the real client', () => {
  test('answers a ping', async () => {
    expect(await client.ping()).toEqual({ success: true });
    expect(await http('/ping')).toEqual([200, 'Ok.\n']);
  });

  test('parameters of every shape arrive exactly', async () => {
    const text = `a\tb\nc'd"e\\f\\n {x:String} 삼🌊; --`;
    const query = `SELECT {text:String} AS text, {none:Nullable(String)} AS none, {n:UInt64} AS n,
      {pairs:Array(Tuple(String, String))} AS pairs, {list:Array(String)} AS list`;
    const params = {
      text,
      none: null,
      n: '18446744073709551615',
      pairs: [new TupleParam([text, ''])],
      list: [text, text],
    };
    const answer = await client.query({
      query,
      query_params: params,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
    });
    expect(await answer.json()).toEqual([
      { text, none: null, n: '18446744073709551615', pairs: [[text, '']], list: [text, text] },
    ]);
  });

  test('queries that run at once keep their own parameters and settings', async () => {
    const asked = Array.from({ length: 60 }, (_, index) => index);
    const answers = await Promise.all(
      asked.map(async (index) => {
        const result = await client.query({
          query: `SELECT {v:String} AS v, toUInt64(getSetting('max_result_rows')) AS rows, sleep(${index % 3 === 0 ? 0.01 : 0}) AS s`,
          query_params: { v: `value ${index}` },
          clickhouse_settings: { max_result_rows: String(1_000 + index) },
          format: 'JSONEachRow',
        });
        const [row] = await result.json<{ v: string; rows: number }>();
        return [row?.v, Number(row?.rows)];
      }),
    );
    expect(answers).toEqual(asked.map((index) => [`value ${index}`, 1_000 + index]));
  });

  test('nothing of one request is left for the next: parameter, setting, SET, USE, temporary table', async () => {
    await rows('SELECT {left:String} AS v', { left: 'over' });
    await client.command({ query: 'SELECT 1', clickhouse_settings: { max_threads: 1 } });
    for (let round = 0; round < 8; round += 1) {
      await client.command({ query: 'SET max_block_size = 7' });
      await client.command({ query: 'USE bridge' });
      await client.command({ query: 'CREATE TEMPORARY TABLE gone (a Int8)' });
      await expect(rows('SELECT {left:String} AS v')).rejects.toMatchObject({ type: 'UNKNOWN_QUERY_PARAMETER' });
      await expect(rows('SELECT * FROM gone')).rejects.toMatchObject({ type: 'UNKNOWN_TABLE' });
      expect(await rows(`SELECT getSetting('max_block_size') = 7 AS left_over, currentDatabase() AS db`)).toEqual([
        { left_over: 0, db: 'default' },
      ]);
    }
  });

  test('the database of the client is honoured', async () => {
    await client.command({ query: 'CREATE TABLE bridge.named (a Int8) ENGINE = MergeTree ORDER BY a' });
    const other = connect({ database: 'bridge' });
    expect(await rows('SELECT count() AS n FROM named', {}, other)).toEqual(
      [{ n: '0' }].map(() => ({ n: expect.anything() })),
    );
    await other.close();
    await expect(rows('SELECT * FROM named')).rejects.toMatchObject({ type: 'UNKNOWN_TABLE' });
  });

  test('an error has its code, type and status', async () => {
    await expect(rows('SELECT * FROM bridge.absent')).rejects.toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    await expect(rows('SELECT throwIf(number = 90000) FROM numbers(100000)')).rejects.toMatchObject({ code: '395' });
    await expect(client.command({ query: 'SELECT 1', clickhouse_settings: { nonsense: 1 } })).rejects.toMatchObject({
      type: 'UNKNOWN_SETTING',
    });
    const [status, text] = await http('/?query=SELECT+FROM+WHERE');
    expect([status, text]).toEqual([400, expect.stringMatching(/^Code: 62\. .*\(SYNTAX_ERROR\)\n$/s)]);
    expect((await http('/?session_id=1', {}, 'SELECT 1'))[0]).toBe(400);
    expect((await http('/', {}, ' '))[0]).toBe(400);
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('a limit of time ends a query, a client that is gone blocks nobody', async () => {
    const endless = 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))';
    await expect(
      client.query({ query: endless, clickhouse_settings: { max_execution_time: 1 } }),
    ).rejects.toMatchObject({ type: 'TIMEOUT_EXCEEDED' });
    const gone = client.query({
      query: endless,
      clickhouse_settings: { max_execution_time: 2 },
      abort_signal: AbortSignal.timeout(100),
    });
    await expect(gone).rejects.toThrow();
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('a page in a browser, or another host name, gets nothing', async () => {
    expect((await http('/', { origin: 'http://evil.example' }, 'SELECT 1'))[0]).toBe(400);
    expect((await http('/', { host: 'evil.example' }, 'SELECT 1'))[0]).toBe(400);
  });

  test('beyond its queue it says that it is overloaded, and recovers', async () => {
    const many = connect({ max_open_connections: 400 });
    const asked = Array.from({ length: 320 }, () =>
      rows('SELECT sleep(0.02) AS s', {}, many).then(
        () => 'done',
        (error: { type?: string }) => error.type,
      ),
    );
    const outcomes = new Set(await Promise.all(asked));
    await many.close();
    expect(outcomes).toEqual(new Set(['done', 'TOO_MANY_SIMULTANEOUS_QUERIES']));
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, 60_000);
});

describe('inserts', () => {
  async function table(name: string): Promise<string> {
    const qualified = `bridge.${name}`;
    await client.command({
      query: `CREATE OR REPLACE TABLE ${qualified} (id UInt64, text String) ENGINE = MergeTree ORDER BY id SETTINGS fsync_after_insert = 1`,
    });
    return qualified;
  }

  test.each([[false], [true]])('rows with awkward texts arrive exactly (compressed: %s)', async (compressed) => {
    const name = await table('awkward');
    const own = connect({ compression: { request: compressed, response: compressed } });
    const values = [
      '',
      "'",
      '\\',
      'a\nb',
      'FORMAT Values',
      '; DROP TABLE x',
      '삼🌊',
      '\u0001',
      'x'.repeat(100_000),
    ].map((text, id) => ({ id, text }));
    const { summary } = await own.insert({ table: name, values, format: 'JSONEachRow' });
    expect(summary?.written_rows).toBe(String(values.length));
    expect(await rows(`SELECT toUInt8(id) AS id, text FROM ${name} ORDER BY id`, {}, own)).toEqual(values);
    await own.close();
  });

  test('an insert without rows is a success, one with a bad row fails as a whole', async () => {
    const name = await table('refused');
    await client.insert({ table: name, values: [], format: 'JSONEachRow' });
    await expect(
      client.insert({
        table: name,
        values: [
          { id: 1, text: 'a' },
          { id: 'x', text: 'b' },
        ],
        format: 'JSONEachRow',
      }),
    ).rejects.toMatchObject({ type: expect.stringMatching(/^CANNOT_PARSE/) });
    expect(await rows(`SELECT toUInt8(count()) AS n FROM ${name}`)).toEqual([{ n: 0 }]);
  });

  test('a stream larger than one piece arrives whole', async () => {
    const name = await table('streamed');
    const count = 300_000;
    async function* lines(): AsyncGenerator<{ id: number; text: string }> {
      for (let id = 0; id < count; id += 1) yield { id, text: `row ${id} ${'삼'.repeat(40)}` };
    }
    const { Readable } = await import('node:stream');
    await client.insert({ table: name, values: Readable.from(lines()), format: 'JSONEachRow' });
    expect(await rows(`SELECT toUInt32(count()) AS n, toUInt32(uniqExact(id)) AS ids FROM ${name}`)).toEqual([
      { n: count, ids: count },
    ]);
  }, 60_000);

  test('every acknowledged row survives kill -9', async () => {
    const name = await table('durable');
    let acknowledged = 0;
    const writer = (async () => {
      for (let id = 0; id < 100_000; id += 1) {
        await client.insert({ table: name, values: [{ id, text: 'x' }], format: 'JSONEachRow' });
        acknowledged += 1;
      }
    })().catch(() => undefined);
    while (acknowledged < 40) await new Promise((resolve) => setTimeout(resolve, 10));
    await clickhouse.kill9();
    await writer;
    await clickhouse.restart();
    const [found] = await rows<{ n: number }>(`SELECT toUInt32(uniqExact(id)) AS n FROM ${name}`);
    // One more may have been written without anybody having heard of it.
    expect([acknowledged, acknowledged + 1]).toContain(found?.n);
    await client.insert({ table: name, values: [{ id: 1_000_000, text: 'after' }], format: 'JSONEachRow' });
    expect(await rows(`SELECT text FROM ${name} WHERE id = 1000000`)).toEqual([{ text: 'after' }]);
  }, 60_000);

  test('a stop drains: what is running is answered', async () => {
    const running = rows('SELECT sleep(1) AS s');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([clickhouse.restart(), expect(running).resolves.toEqual([{ s: 0 }])]);
    expect(await client.ping()).toEqual({ success: true });
  }, 60_000);
});
