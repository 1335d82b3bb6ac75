/** What each store really holds, and a way to falsify it, by its own driver and without a line of the server. */
import { Client as ElasticClient } from '@elastic/elasticsearch';
import { createClient as createClickhouseClient } from '@clickhouse/client';
import { MongoClient } from 'mongodb';
import { Pool } from 'pg';
import { eventually } from './eventually.js';
import type { TestStack } from './stack.js';

export const STORES = ['POSTGRES', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE'] as const;
export type StoreName = (typeof STORES)[number];
type Value = Record<string, unknown>;

/** One open connection to each store. */
export class Drivers {
  private readonly pool: Pool;
  private readonly mongo: MongoClient;
  private readonly elastic: ElasticClient;
  private readonly clickhouse: ReturnType<typeof createClickhouseClient>;

  constructor(stack: TestStack) {
    this.pool = new Pool({ connectionString: stack.postgresUrl, max: 2 });
    this.pool.on('error', () => undefined);
    this.mongo = new MongoClient(stack.mongoUrl);
    this.elastic = new ElasticClient({ node: stack.elasticsearchUrl });
    this.clickhouse = createClickhouseClient({ url: stack.clickhouseUrl });
  }

  async close(): Promise<void> {
    await Promise.all([this.pool.end(), this.mongo.close(), this.elastic.close(), this.clickhouse.close()]);
  }

  private async collection(): Promise<ReturnType<ReturnType<MongoClient['db']>['collection']>> {
    const meta = await this.mongo.db('tidemark').collection('tidemark_meta').findOne({});
    return this.mongo.db('tidemark').collection(String(meta?.['collection']));
  }

  private async index(): Promise<string> {
    const { _source: meta } = await this.elastic.get<{ index: string }>({ index: 'tidemark-meta', id: 'results' });
    return meta?.index ?? '';
  }

  private async rows(query: string): Promise<Value[]> {
    return (await this.clickhouse.query({ query, format: 'JSONEachRow' })).json();
  }

  private async table(): Promise<string> {
    const [meta] = await this.rows(
      'SELECT table_name FROM tidemark.tidemark_meta ORDER BY generation DESC, position DESC LIMIT 1',
    );
    return `tidemark.${String(meta?.['table_name'])}`;
  }

  /** `<kind> <business key>` → value, deleted results included, absences (rows without a value) left out. */
  async all(store: StoreName): Promise<Map<string, Value>> {
    const found = new Map<string, Value>();
    await this.each(store, (key, value) => found.set(key, value));
    return found;
  }

  /** The same, one after the other: a store may hold more than fits in memory. */
  async each(store: StoreName, visit: (key: string, value: Value) => void): Promise<void> {
    const add = (row: Value): void => {
      const raw = row['calculated_value'];
      const value = (typeof raw === 'string' ? JSON.parse(raw) : raw) as Value;
      if (Object.keys(value).length > 0) visit(`${String(row['kind'])} ${String(row['business_key'])}`, value);
    };
    switch (store) {
      case 'POSTGRES':
        await this.eachResult(add);
        break;
      case 'MONGODB':
        for await (const document of (await this.collection()).find({})) add(document);
        break;
      case 'ELASTICSEARCH': {
        const index = await this.index();
        await this.elastic.indices.refresh({ index });
        for await (const source of this.elastic.helpers.scrollDocuments<Value>({ index, size: 2_000 })) add(source);
        break;
      }
      case 'CLICKHOUSE': {
        const query = `SELECT kind, business_key, calculated_value FROM ${await this.table()} FINAL WHERE kind != '' AND calculated_value != ''`;
        const stream = (await this.clickhouse.query({ query, format: 'JSONEachRow' })).stream<Value>();
        for await (const rows of stream) for (const row of rows) add(row.json());
      }
    }
  }

  private async eachResult(visit: (row: Value) => void): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('begin read only');
      await client.query('declare every no scroll cursor for select kind, business_key, calculated_value from results');
      for (;;) {
        const { rows } = await client.query<Value>('fetch 5000 from every');
        if (rows.length === 0) break;
        rows.forEach(visit);
      }
      await client.query('commit');
    } finally {
      client.release();
    }
  }

  /** Falsifies one value of a window behind the server's back: `orders_total` becomes `total`. */
  async alter(store: StoreName, businessKey: string, total: number): Promise<void> {
    switch (store) {
      case 'POSTGRES':
        await this.pool.query(
          `update results set calculated_value = jsonb_set(calculated_value, '{orders_total}', $2) where business_key = $1`,
          [businessKey, String(total)],
        );
        return;
      case 'MONGODB':
        await (
          await this.collection()
        ).updateOne({ business_key: businessKey }, { $set: { 'calculated_value.orders_total': total } });
        return;
      case 'ELASTICSEARCH': {
        const index = await this.index();
        await this.elastic.indices.refresh({ index });
        const { hits } = await this.elastic.search<Value>({ index, query: { term: { business_key: businessKey } } });
        const [hit] = hits.hits;
        const value = { ...(hit?._source?.['calculated_value'] as Value), orders_total: total };
        await this.elastic.update({ index, id: hit?._id ?? '', doc: { calculated_value: value }, refresh: true });
        return;
      }
      case 'CLICKHOUSE': {
        const table = await this.table();
        const [row] = await this.rows(`SELECT * FROM ${table} FINAL WHERE business_key = '${businessKey}'`);
        const value = { ...(JSON.parse(String(row?.['calculated_value'])) as Value), orders_total: total };
        // The same position again: of equal versions the last inserted stays.
        await this.clickhouse.insert({
          table,
          values: [{ ...row, calculated_value: JSON.stringify(value) }],
          format: 'JSONEachRow',
        });
      }
    }
  }

  /** Waits until every read model has applied what Postgres' clock shows now. */
  async caughtUp(stack: TestStack, timeoutMs = 120_000): Promise<void> {
    const { rows } = await eventually(
      () => this.pool.query<{ position: string }>('select position from commit_clock'),
      { timeoutMs: 30_000 },
    );
    const position = BigInt(rows[0]?.position ?? 0);
    await eventually(
      async () => {
        const answer = await fetch(stack.graphqlUrl, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query: '{ stores { store appliedPosition } }' }),
          signal: AbortSignal.timeout(10_000),
        });
        const { data } = (await answer.json()) as {
          data: { stores: { store: string; appliedPosition: string | null }[] };
        };
        expect(
          data.stores.map(({ store, appliedPosition }) => [store, BigInt(appliedPosition ?? -1) >= position]),
        ).toEqual(STORES.map((store) => [store, true]));
      },
      { timeoutMs, everyMs: 250 },
    );
  }
}
