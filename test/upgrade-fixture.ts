/** Puts the data of an older release into a real Postgres and a real mongod (made by test/upgrade-make.ts). */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { BSON, type Document, type MongoClient } from 'mongodb';
import { withClient } from '../stack/servers/postgres.js';

const FIXTURE = new URL('fixtures/release-0.1.0/', import.meta.url);
export const fixtureText = (name: string): string => readFileSync(new URL(name, FIXTURE), 'utf8');

/** The schema as it was released. */
export const releasedMigrations = (): string[] =>
  readdirSync(FIXTURE)
    .filter((file) => /^\d{4}_.*\.sql$/.test(file))
    .sort();

/** The records of the result topic that the fixture's rows were made of; the line is the offset. */
export const resultRecords = (): Buffer[] =>
  fixtureText('results.txt')
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(line));

export interface OldDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** An empty database of the test's own. */
export async function emptyDatabase(): Promise<OldDatabase> {
  const template = process.env.TIDEMARK_TEST_TEMPLATE_URL;
  if (template === undefined) throw new Error('No test Postgres: run "npm test -- pg".');
  const name = `upgrade_${randomBytes(6).toString('hex')}`;
  const at = (database: string): string => Object.assign(new URL(template), { pathname: `/${database}` }).href;
  await withClient(at('postgres'), (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`));
  return {
    url: at(name),
    drop: async () => {
      await withClient(at('postgres'), (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** @param cluster `same`: as if the data folder had stayed; `other`: as if a copy had been restored elsewhere */
export async function restorePostgres(cluster: 'same' | 'other'): Promise<OldDatabase> {
  const database = await emptyDatabase();
  await withClient(database.url, async (client) => {
    for (const file of releasedMigrations()) await client.query(fixtureText(file));
    await client.query(fixtureText('postgres.sql'));
    if (cluster === 'other') return;
    await client.query(
      `update commit_clock set system_identifier = (select system_identifier::text from pg_control_system()),
         timeline = (select timeline_id from pg_control_checkpoint())`,
    );
  });
  return database;
}

interface OldCollection {
  readonly name: string;
  readonly uuid: Document;
  readonly indexes: readonly { name: string; key: Document; partialFilterExpression?: Document }[];
  readonly documents: readonly Document[];
}

/** With the UUIDs of its collections, to which the applied position is bound, as mongorestore --preserveUUID does it. */
export async function restoreMongo(client: MongoClient, database: string): Promise<void> {
  const { collections } = BSON.EJSON.parse(fixtureText('mongodb.ejson'), { relaxed: false }) as {
    collections: readonly OldCollection[];
  };
  for (const { name, uuid, indexes, documents } of collections) {
    const idIndex = { v: 2, key: { _id: 1 }, name: '_id_' };
    const create = { op: 'c', ns: `${database}.$cmd`, ui: uuid, o: { create: name, idIndex } };
    await client.db('admin').command({ applyOps: [create] });
    const collection = client.db(database).collection(name);
    for (const { key, ...index } of indexes) {
      const options = {
        name: index.name,
        ...(index.partialFilterExpression && { partialFilterExpression: index.partialFilterExpression }),
      };
      await collection.createIndex(key, options);
    }
    await collection.insertMany([...documents]);
  }
}

/** All rows of all tables of the fixture, by the columns that they had in the old release, as text. */
export async function oldRows(url: string): Promise<Record<string, string[]>> {
  const columns = new Map<string, string>();
  for (const match of fixtureText('postgres.sql').matchAll(/^insert into (\w+) \((.*?)\) overriding/gm))
    columns.set(match[1] ?? '', match[2] ?? '');
  return withClient(url, async (client) => {
    const rows: Record<string, string[]> = {};
    for (const [table, names] of columns) {
      const found = await client.query<{ row: string }>(
        `select (select row_to_json(old)::text from (select ${names}) old) as row from ${table} order by 1`,
      );
      rows[table] = found.rows.map(({ row }) => row);
    }
    return rows;
  });
}
