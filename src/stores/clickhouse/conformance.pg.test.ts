import { randomBytes } from 'node:crypto';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { startClickhouse, type TestClickhouse } from '../../../test/harness/clickhouse.js';
import type { ResultKey } from '../../position/commit-log.js';
import { describeReadModel, type ConformanceSubject } from '../conformance.js';
import { CLICKHOUSE_CLIENT_OPTIONS } from './command.js';
import { COLUMNS, SELECTED, toRow } from './document.js';
import { createClickhouseModel } from './model.js';
import { META_TABLE, resultsTable } from './schema.js';

let clickhouse: TestClickhouse;
let client: ClickHouseClient;

const connect = (): ClickHouseClient => createClient({ ...CLICKHOUSE_CLIENT_OPTIONS, url: clickhouse.url });

beforeAll(async () => {
  clickhouse = await startClickhouse();
  client = connect();
}, 300_000);

afterAll(async () => {
  await client?.close();
  await clickhouse?.stop();
}, 30_000);

const randomName = (): string => randomBytes(4).toString('hex');

async function subject(): Promise<ConformanceSubject> {
  const database = `conformance_${randomName()}`;
  const clients: ClickHouseClient[] = [];
  const model = () => {
    const own = connect();
    clients.push(own);
    return createClickhouseModel({ client: own, database, nowMs: Date.now, newName: randomName });
  };
  const run = (query: string) => client.command({ query });
  const table = async (): Promise<string> => {
    const query = `SELECT table_name FROM ${database}.${META_TABLE} ORDER BY generation DESC LIMIT 1`;
    const rows = await (await client.query({ query, format: 'JSONEachRow' })).json<{ table_name: string }>();
    return `${database}.${rows[0]?.table_name}`;
  };
  const remove = async ({ kind, engine, businessKey }: ResultKey): Promise<void> => {
    const of = `kind = '${kind}' AND processing_engine = '${engine}' AND business_key = '${businessKey}'`;
    await run(`ALTER TABLE ${await table()} DELETE WHERE ${of} SETTINGS mutations_sync = 2`);
  };
  const put = async (row: object): Promise<void> => {
    await client.insert({
      table: await table(),
      columns: [COLUMNS[0], ...COLUMNS.slice(1)],
      values: [row],
      format: 'JSONEachRow',
    });
  };
  return {
    model: model(),
    another: model,
    breakApplied: async () => {
      await run(`ALTER TABLE ${database}.${META_TABLE} ADD CONSTRAINT broken CHECK position < 0`);
    },
    healApplied: async () => {
      await run(`ALTER TABLE ${database}.${META_TABLE} DROP CONSTRAINT broken`);
    },
    wipe: async () => {
      const name = await table();
      await run(`DROP TABLE ${name} SYNC`);
      await run(resultsTable(name));
    },
    drop: async () => {
      await run(`DROP TABLE ${await table()} SYNC`);
    },
    // An older row would not be seen beside a newer one.
    plant: async (document) => {
      await remove(document);
      await put(toRow(document));
    },
    remove,
    garble: async (key) => {
      const query = `SELECT ${SELECTED} FROM ${await table()} FINAL WHERE business_key = '${key.businessKey}'`;
      const [row] = await (await client.query({ query, format: 'JSONEachRow' })).json<object>();
      await put({ ...row, calculated_value: '{"total_amount":' });
    },
    unacceptable: (base) => ({ ...base, calculatedValue: { blob: 'x'.repeat(17 * 1024 * 1024) } }),
    close: async () => {
      await run(`DROP DATABASE IF EXISTS ${database} SYNC`);
      await Promise.all(clients.map((own) => own.close()));
    },
  };
}

describeReadModel('ClickHouse', subject);
