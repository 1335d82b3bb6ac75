import { randomBytes } from 'node:crypto';
import { MongoClient, type CommandStartedEvent, type Db, type Document } from 'mongodb';
import { startMongo, type TestMongo } from '../../../test/harness/mongo.js';
import { appliedOf, copyOf, History, key, result } from '../conformance.data.js';
import type { ListQuery, ReadModel } from '../port.js';
import { MONGO_CLIENT_OPTIONS, MONGO_LIMITS } from './command.js';
import { createMongoModel } from './model.js';
import { META_COLLECTION } from './position.js';
import { listFilter } from './read.js';

let mongo: TestMongo;
let client: MongoClient;
let db: Db;
let model: ReadModel;
let history: History;
let nowMs = 0;

const randomName = (): string => randomBytes(4).toString('hex');
const options = () => ({ client, database: db.databaseName, nowMs: () => nowMs, newName: randomName });
const meta = async (): Promise<Document> => (await db.collection(META_COLLECTION).findOne()) ?? {};
const data = async () => db.collection<{ _id: string }>((await meta())['collection'] as string);
const collections = async (): Promise<string[]> =>
  (await db.listCollections({ name: /^results_/ }, { nameOnly: true }).toArray()).map(({ name }) => name);

beforeAll(async () => {
  mongo = await startMongo();
}, 120_000);
afterAll(() => mongo.stop(), 30_000);

beforeEach(async () => {
  client = new MongoClient(mongo.url, { ...MONGO_CLIENT_OPTIONS, monitorCommands: true });
  db = client.db(`mongodb_${randomName()}`);
  history = new History();
  model = createMongoModel(options());
  await model.rebuild(copyOf(), history.now(), () => undefined);
});
afterEach(() => client.close());

test('an answer larger than one reply is whole, and so is a batch larger than one command', async () => {
  const blob = 'x'.repeat(1024 * 1024);
  const names = Array.from({ length: 40 }, (_, n) => `k${n}`);
  const change = history.commit(
    ...names.map((businessKey) => ({ businessKey, calculatedValue: { blob, window_start: businessKey } })),
  );
  await model.apply([change], history.now());
  const read = await model.readMany(names.map((name) => key(name)));
  expect(read.data.map((row) => row?.businessKey)).toEqual(names);
  const { data: listed } = await model.list({
    kind: 'order_window',
    engine: 'KAFKA_ONLY',
    equals: {},
    orderBy: 'window_start',
    descending: false,
    limit: 501,
  });
  expect(listed).toHaveLength(40);
}, 30_000);

test('position and data are read in this order, majority, in one causal session, from the very collection', async () => {
  const sent: CommandStartedEvent[] = [];
  client.on('commandStarted', (event) => sent.push(event));
  await model.readMany([key('a')]);
  const [first, second] = sent.map(({ command }) => command);
  expect(sent.map(({ commandName }) => commandName)).toEqual(['find', 'find']);
  expect(first).toMatchObject({
    find: META_COLLECTION,
    readConcern: { level: 'majority' },
    maxTimeMS: MONGO_LIMITS.readMs,
  });
  expect(second).toMatchObject({
    find: (await meta())['collection'],
    readConcern: { level: 'majority', afterClusterTime: expect.anything() as unknown },
    maxTimeMS: MONGO_LIMITS.readMs,
  });
  expect(String(second?.['collectionUUID'])).toBe(String((await meta())['collectionUuid']));
  expect(second?.['lsid']).toEqual(first?.['lsid']);
});

test('a document holds the fields of the contract, integers as integers', async () => {
  const calculatedValue = { long: 2 ** 40, int: 5, decimal: '0.10' };
  await model.apply(
    [history.commit({ businessKey: 'a', calculatedValue, coverage: { '0': [1, 2 ** 35] } })],
    history.now(),
  );
  const found = await data();
  const stored = await found.findOne({}, { promoteValues: false });
  expect(Object.keys(stored ?? {})).toEqual(
    expect.arrayContaining([
      'business_key',
      'calculated_value',
      'confidence_level',
      'consistency_scope',
      'processing_engine',
      'last_checkpoint_time',
      'last_cdc_sync_time',
      'updated_at',
      'position',
      'revision',
      'coverage',
      'stale',
      'reasons',
    ]),
  );
  for (const [path, type] of Object.entries({
    position: 'long',
    committed_at_us: 'long',
    revision: 'int',
    'calculated_value.long': 'long',
    'calculated_value.int': 'int',
    'calculated_value.decimal': 'string',
    'coverage.0': 'long',
  })) {
    expect([path, await found.countDocuments({ [path]: { $type: type } })]).toEqual([path, 1]);
  }
});

test('listings are read from an index, in its order', async () => {
  const rows = Array.from({ length: 400 }, (_, n) => ({
    businessKey: `k${n}`,
    calculatedValue: {
      symbol: `G${n % 40}`,
      window_start: `2026-${n}`,
      event_time: `2026-${n}`,
      detected_at: `2026-${n}`,
    },
  }));
  await model.apply([history.commit(...rows)], history.now());
  const query: ListQuery = {
    kind: 'order_window',
    engine: 'KAFKA_ONLY',
    equals: {},
    orderBy: '',
    from: '2026',
    descending: true,
    limit: 50,
  };
  const name: unknown = (await meta())['collection'];
  for (const [orderBy, equals, index] of ['window_start', 'event_time', 'detected_at'].flatMap((order) => [
    [order, {}, `by_${order}`] as const,
    [order, { symbol: 'G7' }, `by_symbol_${order}`] as const,
  ])) {
    const { filter, sort } = listFilter({ ...query, orderBy, equals });
    const plan = JSON.stringify(
      (await db.command({ explain: { find: name, filter, sort, limit: 50 } }))['queryPlanner'].winningPlan,
    );
    expect(plan).toContain(`"indexName":"${index}"`);
    expect(plan).not.toMatch(/"stage":"(SORT|COLLSCAN)"/);
  }
});

test('a document that the server refuses is named', async () => {
  await db.command({ collMod: (await meta())['collection'], validator: { business_key: { $ne: 'bad' } } });
  const change = history.commit({ businessKey: 'fine' }, { businessKey: 'bad' });
  await expect(model.apply([change], history.now())).rejects.toMatchObject({
    code: 'CHANGE_REJECTED',
    retryable: false,
    message: expect.stringContaining('order_window|KAFKA_ONLY|bad') as string,
  });
});

test.each(['_bsontype', '$ref', 'a\0b'])(
  'a field called %j, which would not come back as it was, is refused',
  async (name) => {
    const change = history.commit({ businessKey: 'a', calculatedValue: { nested: [{ [name]: 'x' }] } });
    await expect(model.apply([change], history.now())).rejects.toMatchObject({
      code: 'CHANGE_REJECTED',
      retryable: false,
    });
  },
);

test('odd field names that MongoDB can hold come back as they were', async () => {
  const calculatedValue = JSON.parse('{"a.b":1,"n":{"$gt":2,"":3,"__proto__":4,"constructor":5}}') as Record<
    string,
    unknown
  >;
  const change = history.commit({ businessKey: 'a', calculatedValue });
  await model.apply([change], history.now());
  expect(JSON.stringify((await model.readMany([key('a')])).data[0]?.calculatedValue)).toBe(
    JSON.stringify(calculatedValue),
  );
});

test('servers that race for the same new keys leave the newest documents', async () => {
  const other = createMongoModel(options());
  for (let round = 0; round < 20; round += 1) {
    const names = Array.from({ length: 20 }, (_, n) => ({ businessKey: `r${round}/${n}` }));
    const one = history.commit(...names);
    const two = history.commit(...names);
    await Promise.all([model.apply([one], appliedOf(one)), other.apply([one, two], appliedOf(two))]);
    expect((await model.readMany(names.map(({ businessKey }) => key(businessKey)))).data).toEqual(two.documents);
  }
  expect(await model.binding()).toEqual({ status: 'bound', applied: history.now() });
});

test.each<[string, Document]>([
  ['documents of another version', { $set: { documentVersion: 0 } }],
  ['an applied position that is unreadable', { $set: { position: 'seven' } }],
  ['an applied position without a collection', { $unset: { collectionUuid: '' } }],
])('%s: unbound, until the store is rebuilt', async (_, update) => {
  await db.collection(META_COLLECTION).updateOne({}, update);
  expect(await model.binding()).toMatchObject({ status: 'unbound' });
  await expect(model.readMany([key('a')])).rejects.toMatchObject({ code: 'POSITION_UNKNOWN', retryable: true });
  await model.rebuild(copyOf([result(history.now().position, { businessKey: 'a' })]), history.now(), () => undefined);
  expect((await model.readMany([key('a')])).data).toHaveLength(1);
});

test('a collection that was swapped out is dropped when no reader can be in it any more, not before', async () => {
  const old = (await meta())['collection'] as string;
  await model.rebuild(copyOf(), history.now(), () => undefined);
  const current = (await meta())['collection'] as string;
  await model.apply([history.commit()], history.now());
  expect((await collections()).sort()).toEqual([old, current].sort());
  nowMs += MONGO_LIMITS.retireMs;
  await model.binding();
  await model.apply([history.commit()], history.now());
  expect(await collections()).toEqual([current]);
});

test('a MongoDB that is down is an error within the limit, and answers again after its restart', async () => {
  await mongo.kill9();
  const began = performance.now();
  await expect(model.readMany([key('a')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  await expect(model.binding()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(performance.now() - began).toBeLessThan(2 * (MONGO_LIMITS.readMs + 2_000));
  await mongo.restart();
  const change = history.commit({ businessKey: 'a' });
  await model.apply([change], history.now());
  expect((await model.readMany([key('a')])).data).toEqual(change.documents);
}, 60_000);
