/** Old data, new code: what a release leaves behind goes on under the next one (docs/OPERATIONS.md). */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient, type Document } from 'mongodb';
import { Pool } from 'pg';
import { createPostgresIngestStore } from '../src/ingest/postgres.js';
import { createIngest } from '../src/ingest/run.js';
import { Highest } from '../src/position/highest.js';
import type { LogRecord } from '../src/log/port.js';
import { createProjection, type Projection } from '../src/projections/run.js';
import { MemoryConsumer, MemoryLog } from '../src/projections/test-support/memory-log.js';
import { MONGO_CLIENT_OPTIONS } from '../src/stores/mongodb/command.js';
import { DOCUMENT_VERSION } from '../src/stores/mongodb/document.js';
import { createMongoModel } from '../src/stores/mongodb/model.js';
import { META_COLLECTION } from '../src/stores/mongodb/position.js';
import type { ReadModel, StoredResult } from '../src/stores/port.js';
import { startClock, type ClockStart } from '../src/stores/postgres/clock.js';
import { migrate, MIGRATIONS } from '../src/stores/postgres/migrate.js';
import { createPostgresReader } from '../src/stores/postgres/read.js';
import { createTruth } from '../src/stores/postgres/snapshot.js';
import { RESULT_TOPICS, TOPIC_RESULTS_KAFKA_ONLY as TOPIC } from '../wire/topics.js';
import { eventually } from './harness/eventually.js';
import { startMongo, type TestMongo } from './harness/mongo.js';
import {
  emptyDatabase,
  fixtureText,
  oldRows,
  releasedMigrations,
  restoreMongo,
  restorePostgres,
  resultRecords,
} from './upgrade-fixture.js';

/** Where the fixture ends: its commit clock, and the result records that were consumed. */
const LAST = 17;
const migrationFiles = (): string[] => readdirSync(MIGRATIONS).filter((file) => file.endsWith('.sql'));

test('a migration that was released is never changed', () => {
  expect(releasedMigrations().length).toBeGreaterThan(0);
  for (const file of releasedMigrations()) expect(readFileSync(join(MIGRATIONS, file), 'utf8')).toBe(fixtureText(file));
});

describe('the schema', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-migrations-'));
    cpSync(MIGRATIONS, folder, { recursive: true });
    writeFileSync(join(folder, '9998_later.sql'), `alter table results add column later text not null default 'x';\n`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('goes forward from 0.1.0, and every row of every table is still what it was', async () => {
    const database = await restorePostgres('same');
    try {
      const before = await oldRows(database.url);
      expect(Object.keys(before)).toHaveLength(9);
      expect(await migrate(database.url)).toBe(migrationFiles().length - releasedMigrations().length);
      const { tidemark_migrations: ran, ...after } = await oldRows(database.url);
      expect({ ...after, tidemark_migrations: ran?.slice(0, releasedMigrations().length) }).toEqual(before);
      expect(await migrate(database.url)).toBe(0);
    } finally {
      await database.drop();
    }
  });

  test('of a later version is refused with one sentence, and nothing is done to it', async () => {
    const database = await restorePostgres('same');
    try {
      const before = await oldRows(database.url);
      expect(await migrate(database.url, folder)).toBe(migrationFiles().length - releasedMigrations().length + 1);
      const later = await oldRows(database.url);
      expect(later.results).toEqual(before.results);
      await expect(migrate(database.url)).rejects.toMatchObject({
        code: 'SCHEMA_NEWER',
        retryable: false,
        outcome: 'none',
        message:
          'The database has the migration 9998_later, which this version does not know: start the version that made it or a newer one, or restore the copy from before the upgrade.',
      });
      expect(await oldRows(database.url)).toEqual(later);
    } finally {
      await database.drop();
    }
  });

  test('is migrated once by servers that start together', async () => {
    const database = await emptyDatabase();
    try {
      const applied = await Promise.all([1, 2, 3].map(() => migrate(database.url)));
      expect(applied.sort()).toEqual([0, 0, migrationFiles().length]);
    } finally {
      await database.drop();
    }
  });

  test('a migration that fails leaves nothing of itself and says what is wrong', async () => {
    const database = await restorePostgres('same');
    const broken = mkdtempSync(join(tmpdir(), 'tidemark-broken-'));
    try {
      cpSync(MIGRATIONS, broken, { recursive: true });
      writeFileSync(
        join(broken, '9999_broken.sql'),
        'create table half (a int);\nalter table no_such add column b int;\n',
      );
      await migrate(database.url);
      const before = await oldRows(database.url);
      await expect(migrate(database.url, broken)).rejects.toMatchObject({
        code: 'MIGRATION_FAILED',
        message: expect.stringContaining('no_such') as string,
      });
      expect(await oldRows(database.url)).toEqual(before);
      expect(await migrate(database.url)).toBe(0);
    } finally {
      rmSync(broken, { recursive: true });
      await database.drop();
    }
  });
});

describe('a server of today on the data of 0.1.0', () => {
  let mongo: TestMongo;
  beforeAll(async () => {
    mongo = await startMongo();
  }, 120_000);
  afterAll(() => mongo.stop());

  let old: Upgraded | undefined;
  afterEach(async () => {
    await old?.close();
    old = undefined;
  });

  test('goes on with a read model of the same document version: nothing is made anew, and new results follow', async () => {
    old = await upgrade(mongo, { cluster: 'same' });
    expect(old.clock).toMatchObject({ forked: null, position: BigInt(LAST) });
    if ((await old.meta())['documentVersion'] !== DOCUMENT_VERSION) {
      // The fixture's are older: one upgrade makes it anew, and the next one is what this is about.
      await old.run();
      await old.converged(LAST);
      await old.restart();
    }
    const { collection, collectionUuid } = await old.meta();
    expect(await old.model().binding()).toMatchObject({ status: 'bound', applied: { position: BigInt(LAST) } });
    await old.equal();
    await old.run();
    await old.ingestOneMore();
    await old.converged(LAST + 1);
    expect(await old.meta()).toMatchObject({ collection, collectionUuid });
    expect(old.lines.filter((line) => line.includes('anew'))).toEqual([]);
  }, 60_000);

  test.each([DOCUMENT_VERSION - 1, DOCUMENT_VERSION + 1])(
    'makes a read model whose documents are of version %i anew from Postgres, row by row the same',
    async (documentVersion) => {
      old = await upgrade(mongo, { cluster: 'same', documentVersion });
      const before = await old.meta();
      // It answers nothing until then: what its documents mean is not known.
      const anything = { kind: 'order', businessKey: 'worked-005930-2', engine: 'KAFKA_ONLY' } as const;
      await expect(old.model().readMany([anything])).rejects.toMatchObject({
        code: 'POSITION_UNKNOWN',
        retryable: true,
      });
      await old.run();
      await old.converged(LAST);
      expect(old.lines).toContain(`MONGODB is made anew: MongoDB: its documents are of version ${documentVersion}`);
      expect(await old.meta()).toMatchObject({ documentVersion: DOCUMENT_VERSION });
      expect((await old.meta())['collection']).not.toBe(before['collection']);
      await old.ingestOneMore();
      await old.converged(LAST + 1);
    },
    60_000,
  );

  test('restored in another cluster begins a new incarnation, and the read model is made anew for it', async () => {
    old = await upgrade(mongo, { cluster: 'other' });
    expect(old.clock.forked).toBe('the database belongs to another cluster');
    await old.run();
    await old.converged(LAST);
    expect(old.lines.some((line) => line.startsWith('MONGODB is made anew: '))).toBe(true);
    expect(await old.meta()).toMatchObject({ incarnation: old.clock.incarnation });
    await old.ingestOneMore();
    await old.converged(LAST + 1);
  }, 60_000);
});

interface Upgraded {
  readonly clock: ClockStart;
  model(): ReadModel;
  /** What the projection has said since the last start. */
  readonly lines: readonly string[];
  meta(): Promise<Document>;
  /** Starts the projection, from a change topic that holds what was published. */
  run(): Promise<void>;
  /** The server ends and starts again. */
  restart(): Promise<void>;
  /** The partition goes on where the old release stopped, with one result more. */
  ingestOneMore(): Promise<void>;
  /** Every row of Postgres is in MongoDB and says the same; nothing else is there. */
  equal(): Promise<void>;
  converged(position: number): Promise<void>;
  close(): Promise<void>;
}

/** What `startServer` does with old data, up to the point at which it needs Kafka. */
async function upgrade(
  mongo: TestMongo,
  { cluster, documentVersion }: { cluster: 'same' | 'other'; documentVersion?: number },
): Promise<Upgraded> {
  const database = await restorePostgres(cluster);
  const client = new MongoClient(mongo.url, MONGO_CLIENT_OPTIONS);
  const name = 'release_0_1_0';
  // Restored under its own name: the UUIDs of its collections exist once per server.
  await client.db(name).dropDatabase();
  await restoreMongo(client, name);
  const db = client.db(name);
  if (documentVersion !== undefined) await db.collection(META_COLLECTION).updateOne({}, { $set: { documentVersion } });

  await migrate(database.url);
  const pool = new Pool({ connectionString: database.url, max: 6 });
  const newName = (): string => randomBytes(4).toString('hex');
  const createModel = (): ReadModel => createMongoModel({ client, database: name, nowMs: Date.now, newName });
  let model = createModel();
  const shown = await model.binding();
  const clock = await startClock(pool, shown.status === 'bound' ? [shown.applied] : []);
  const reader = createPostgresReader(pool);
  const lines: string[] = [];
  const log = new MemoryLog();
  let published = 0;
  let projection: Projection | undefined;

  /** As Debezium writes the rows of the commit log. */
  const publish = async (): Promise<void> => {
    const { rows } = await pool.query<{ position: string; value: string }>(
      `select position, json_build_object('op', 'c', 'after', row_to_json(commit_log))::text as value
       from commit_log where position > $1 order by position, part`,
      [published],
    );
    log.append(...rows.map(({ value }) => Buffer.from(value)));
    published = Number(rows.at(-1)?.position ?? published);
  };
  const everything = async (): Promise<StoredResult[]> => {
    const snapshot = await createTruth(pool).snapshot();
    const all: StoredResult[] = [];
    for await (const batch of snapshot.rows) all.push(...batch);
    await snapshot.close();
    return all;
  };
  const meta = async (): Promise<Document> => (await db.collection(META_COLLECTION).findOne()) ?? {};

  const upgraded: Upgraded = {
    clock,
    model: () => model,
    lines,
    meta,
    run: async () => {
      await publish();
      projection = createProjection({
        model,
        truth: createTruth(pool),
        consumer: new MemoryConsumer(log),
        log: (_level, message) => void lines.push(message),
      });
      await projection.start();
    },
    restart: async () => {
      await projection?.stop();
      projection = undefined;
      lines.length = 0;
      model = createModel();
    },
    ingestOneMore: async () => {
      const records = resultRecords();
      const ingest = createIngest({
        store: createPostgresIngestStore(pool),
        highest: new Highest(),
        engines: new Map([[RESULT_TOPICS[0], 'KAFKA_ONLY']]),
      });
      const extent = { low: 0n, high: BigInt(records.length) };
      const from = await ingest.start(TOPIC, 0, extent);
      // The last record that the old release consumed is read again, and must be the very one.
      expect(from).toBe(BigInt(LAST - 1));
      const last = JSON.parse(String(records[15])) as Record<string, unknown>;
      const value = Buffer.from(JSON.stringify({ ...last, business_key: 'after-the-upgrade', seq: 5 }));
      const delivered = [records[LAST - 1] ?? null, value].map((bytes, index): LogRecord => ({
        offset: from + BigInt(index),
        key: 'k',
        value: bytes,
        timestampMs: 0,
      }));
      await ingest.handle({ topic: TOPIC, partition: 0, records: delivered, transactional: false });
      expect((await everything()).map(({ businessKey }) => businessKey)).toContain('after-the-upgrade');
      await publish();
    },
    equal: async () => {
      const rows = await everything();
      expect(rows.length).toBeGreaterThan(7);
      expect((await model.readMany(rows)).data).toEqual(rows);
      expect((await reader.readMany(rows)).data).toEqual(rows);
      const { collection } = await meta();
      expect(await db.collection(String(collection)).countDocuments()).toBe(rows.length);
    },
    converged: (position) =>
      eventually(
        async () => {
          const { applied } = await model.readMany([]);
          expect(applied?.position).toBe(BigInt(position));
          await upgraded.equal();
        },
        { timeoutMs: 20_000, everyMs: 100 },
      ),
    close: async () => {
      await projection?.stop();
      await client.close();
      await pool.end();
      await database.drop();
    },
  };
  return upgraded;
}
