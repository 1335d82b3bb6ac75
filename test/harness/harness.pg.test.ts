import { MongoClient } from 'mongodb';
import { withClient } from '../../stack/servers/postgres.js';
import { startMongo, type TestMongo } from './mongo.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';

describe('a test database', () => {
  let mine: TestDatabase;
  let theirs: TestDatabase;
  beforeAll(async () => {
    [mine, theirs] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  });
  afterAll(() => Promise.all([mine.drop(), theirs.drop()]));

  test('is migrated: the commit log and its publication are there', async () => {
    const found = await withClient(mine.url, (client) =>
      client.query(
        `SELECT to_regclass('public.commit_log') IS NOT NULL AS log, (SELECT count(*)::int FROM pg_publication) AS publications`,
      ),
    );
    expect(found.rows).toEqual([{ log: true, publications: 1 }]);
  });

  test('is nobody else’s: what one writes the other does not see', async () => {
    await withClient(mine.url, (client) => client.query('CREATE TABLE only_here (a int)'));
    const found = await withClient(theirs.url, (client) =>
      client.query<{ oid: string | null }>(`SELECT to_regclass('only_here') AS oid`),
    );
    expect(found.rows[0]?.oid).toBeNull();
  });

  test('belongs to a role that is no superuser but may replicate', async () => {
    const found = await withClient(mine.url, (client) =>
      client.query('SELECT rolsuper, rolreplication FROM pg_roles WHERE rolname = current_user'),
    );
    expect(found.rows).toEqual([{ rolsuper: false, rolreplication: true }]);
  });
});

describe('a test MongoDB', () => {
  let mongo: TestMongo;
  beforeAll(async () => {
    mongo = await startMongo();
  }, 60_000);
  afterAll(() => mongo.stop());

  test('keeps what a majority has acknowledged through a kill -9', async () => {
    const client = new MongoClient(mongo.url);
    await client
      .db()
      .collection('kept')
      .insertOne({ a: 1 }, { writeConcern: { w: 'majority' } });
    await client.close();
    await mongo.kill9();
    await mongo.restart();
    const again = new MongoClient(mongo.url);
    try {
      expect(await again.db().collection('kept').countDocuments({ a: 1 })).toBe(1);
    } finally {
      await again.close();
    }
  }, 60_000);
});
