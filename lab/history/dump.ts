/** Every row of every store at the quiet end, each by the store's own protocol: nothing of the server stands between. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import type { Engine, Level, Line, Stored, StoreName, Value } from './types.js';

export interface StoreUrls {
  readonly postgres: string;
  readonly mongodb?: string;
  readonly elasticsearch?: string;
  readonly clickhouse?: string;
}

interface Row {
  readonly kind: string;
  readonly business_key: string;
  readonly processing_engine: Engine;
  readonly calculated_value: Value;
  readonly deleted: boolean;
  readonly position: string | number;
  readonly confidence_level: Level;
}

const storedOf = (store: StoreName, row: Row): Stored => ({
  type: 'stored',
  store,
  kind: row.kind,
  engine: row.processing_engine,
  businessKey: row.business_key,
  value: row.calculated_value,
  deleted: row.deleted,
  position: Number(row.position),
  cap: row.confidence_level,
});

type Rows = AsyncIterable<Row>;

async function* postgresRows(url: string): Rows {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    await client.query(
      `declare every no scroll cursor for
       select kind, business_key, engine as processing_engine, calculated_value, deleted, position, cap as confidence_level from results`,
    );
    for (;;) {
      const { rows } = await client.query<Row>('fetch 5000 from every');
      if (rows.length === 0) return;
      yield* rows;
    }
  } finally {
    await client.end();
  }
}

async function* mongodbRows(url: string): Rows {
  const client = new MongoClient(url);
  try {
    const database = client.db('tidemark');
    const meta = await database.collection('tidemark_meta').findOne({});
    yield* database.collection(String(meta?.['collection'])).find<Row & Document>({});
  } finally {
    await client.close();
  }
}
type Document = Record<string, unknown>;

async function json<T>(url: string, body?: unknown): Promise<T> {
  const posted = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(url, body === undefined ? {} : posted);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

interface Page {
  readonly _scroll_id: string;
  readonly hits: { readonly hits: readonly { readonly _source: Row }[] };
}

async function* elasticsearchRows(url: string): Rows {
  const meta = await json<{ _source: { index: string } }>(`${url}/tidemark-meta/_doc/results`);
  // A search sees what was refreshed; this takes no body.
  await fetch(`${url}/${meta._source.index}/_refresh`, { method: 'POST' });
  let page = await json<Page>(`${url}/${meta._source.index}/_search?scroll=1m`, { size: 2_000, sort: ['_doc'] });
  while (page.hits.hits.length > 0) {
    for (const { _source } of page.hits.hits) yield _source;
    page = await json<Page>(`${url}/_search/scroll`, { scroll: '1m', scroll_id: page._scroll_id });
  }
}

/** Line by line: all rows as one text would be longer than a text may be. */
async function* clickhouse<T>(url: string, statement: string): AsyncIterable<T> {
  const response = await fetch(url, { method: 'POST', body: `${statement} FORMAT JSONEachRow` });
  if (!response.ok || response.body === null)
    throw new Error(`ClickHouse: ${response.status} ${await response.text()}`);
  const input = createInterface({ input: Readable.fromWeb(response.body as ReadableStream), crlfDelay: Infinity });
  for await (const line of input) if (line !== '') yield JSON.parse(line) as T;
}

async function firstOf<T>(rows: AsyncIterable<T>): Promise<T | undefined> {
  for await (const row of rows) return row;
  return undefined;
}

async function* clickhouseRows(url: string): Rows {
  const newest = 'SELECT table_name FROM tidemark.tidemark_meta ORDER BY generation DESC, position DESC LIMIT 1';
  const meta = await firstOf(clickhouse<{ table_name: string }>(url, newest));
  const columns = 'kind, business_key, processing_engine, calculated_value, deleted, position, confidence_level';
  // The row without a kind is the table's own mark of its position, no result.
  const rows = clickhouse<Omit<Row, 'calculated_value'> & { calculated_value: string }>(
    url,
    `SELECT ${columns} FROM tidemark.${meta?.table_name} FINAL WHERE kind != ''`,
  );
  for await (const row of rows) yield { ...row, calculated_value: JSON.parse(row.calculated_value) as Value };
}

/** Stores without an address are left out: the checkers then know nothing of their end. */
export async function dump(urls: StoreUrls, write: (line: Line) => void): Promise<void> {
  const stores: [StoreName, string | undefined, (url: string) => Rows][] = [
    ['POSTGRES', urls.postgres, postgresRows],
    ['MONGODB', urls.mongodb, mongodbRows],
    ['ELASTICSEARCH', urls.elasticsearch, elasticsearchRows],
    ['CLICKHOUSE', urls.clickhouse, clickhouseRows],
  ];
  for (const [store, url, rowsOf] of stores) {
    if (url === undefined) continue;
    let rows = 0;
    for await (const row of rowsOf(url)) {
      rows += 1;
      write(storedOf(store, row));
    }
    write({ type: 'dumped', store, rows });
  }
}
