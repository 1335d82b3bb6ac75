/** What the stores hold of each engine, without a line of the server. */
import { MongoClient } from 'mongodb';
import { Pool } from 'pg';

export type Engine = 'FLINK' | 'KAFKA_ONLY';

export interface StoredRow {
  /** Members in one order. */
  readonly value: string;
  readonly final: boolean;
  readonly stale: boolean;
  readonly cap: string;
  readonly reasons: readonly string[];
}

/** A value as one text, whatever the order of its members. */
export const canonical = (value: unknown): string =>
  JSON.stringify(Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));

/** `<kind> <business key>` → row. An absence that something is held against has the value `[]`. */
export async function postgresRows(url: string, engine: Engine): Promise<Map<string, StoredRow>> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    const { rows } = await pool.query<Omit<StoredRow, 'value'> & { id: string; value: unknown }>(
      `select kind || ' ' || business_key as id, calculated_value as value, final, stale, cap, reasons
       from results where engine = $1`,
      [engine],
    );
    return new Map(rows.map(({ id, value, ...row }) => [id, { ...row, value: canonical(value) }]));
  } finally {
    await pool.end();
  }
}

/** Of the collection that the read model is bound to. */
export async function mongoValues(url: string, engine: Engine): Promise<Map<string, string>> {
  const client = new MongoClient(url);
  try {
    const database = client.db('tidemark');
    const meta = await database.collection('tidemark_meta').findOne({});
    const found = new Map<string, string>();
    const documents = database.collection(String(meta?.['collection'])).find({ processing_engine: engine });
    for await (const { kind, business_key: key, calculated_value: value } of documents)
      found.set(`${String(kind)} ${String(key)}`, canonical(typeof value === 'string' ? JSON.parse(value) : value));
    return found;
  } finally {
    await client.close();
  }
}
