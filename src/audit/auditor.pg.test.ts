/** The auditor on a real Postgres and a real MongoDB, with a stranger's driver beside it: found, LOW, repaired, read again, settled. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MongoClient, type Collection } from 'mongodb';
import { Pool } from 'pg';
import { startMongo, type TestMongo } from '../../test/harness/mongo.js';
import { copyToModel, freshRequest } from '../../test/harness/own-server.js';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import { MOST_KEYS } from '../contract/divergences.js';
import { createPostgresIngestStore } from '../ingest/postgres.js';
import { createIngest } from '../ingest/run.js';
import type { LogHandler } from '../log/port.js';
import { NO_REQUIREMENT } from '../planner/requirement.js';
import { Highest } from '../position/highest.js';
import { micros, position } from '../position/position.js';
import { decodeDocument } from '../stores/document.js';
import { MONGO_CLIENT_OPTIONS } from '../stores/mongodb/command.js';
import { idOf, toMongo } from '../stores/mongodb/document.js';
import { createMongoModel } from '../stores/mongodb/model.js';
import type { Applied, Change, ReadModel, StoredResult } from '../stores/port.js';
import { startClock } from '../stores/postgres/clock.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import { createPostgresReader } from '../stores/postgres/read.js';
import type { Store } from '../words.js';
import { Auditor } from './auditor.js';

/** Of a slow, loaded machine. */
const LIMIT_MS = 120_000;
const TOPIC = 'results.kafka-only';
const engine = 'KAFKA_ONLY' as const;
const golden = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(`../../wire/golden/${name}.json`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >;
const order = (businessKey: string) => ({ kind: 'order', businessKey, engine });

let mongo: TestMongo;
let client: MongoClient;
beforeAll(async () => {
  mongo = await startMongo();
  client = new MongoClient(mongo.url, MONGO_CLIENT_OPTIONS);
}, LIMIT_MS);
afterAll(async () => {
  await client?.close();
  await mongo?.stop();
}, LIMIT_MS);

let database: TestDatabase;
let pool: Pool;
let ingest: LogHandler;
let model: ReadModel;
let offset: number;
let name: string;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 6 });
  await startClock(pool, []);
  const store = createPostgresIngestStore(pool);
  ingest = createIngest({ store, highest: new Highest(), engines: new Map([[TOPIC, engine]]) });
  await ingest.start(TOPIC, 0, { low: 0n, high: 0n });
  offset = 0;
  const payload = { source_topic: 'orders.events', source_partition: 0, start_offset: 0, log_start_offset: 0 };
  await deliver({ ...golden('control.assignment'), calculated_value: { ...payload, max_event_time_before: null } });
  name = `audit_${randomUUID().slice(0, 8)}`;
  const own = new MongoClient(mongo.url, MONGO_CLIENT_OPTIONS);
  model = createMongoModel({ client: own, database: name, nowMs: Date.now, newName: () => randomUUID().slice(0, 8) });
}, LIMIT_MS);
afterEach(async () => {
  await model.close();
  await client.db(name).dropDatabase();
  await pool.end();
  await database.drop();
}, LIMIT_MS);

async function deliver(...values: readonly object[]): Promise<void> {
  const records = values.map((value) => {
    const stamped = { ...value, run: { id: 'a', subtask: 0 }, seq: offset + 1 };
    return { offset: BigInt(offset++), key: 'k', value: Buffer.from(JSON.stringify(stamped)), timestampMs: 0 };
  });
  await ingest.handle({ topic: TOPIC, partition: 0, records, transactional: false });
}

/** Each accepted in one transaction with the others. */
const accept = (...ids: readonly string[]): Promise<void> =>
  deliver(
    ...ids.map((id, n) => ({
      ...golden('result.order'),
      business_key: id,
      calculated_value: { ...(golden('result.order')['calculated_value'] as object), order_id: id, version: offset + n },
      evidence: { events: 1, digest: String(offset + n), duplicates_dropped: 0, coverage: { '0': [0, offset + n] },
        max_event_time: '2026-01-05T09:00:00.000Z', begins: '2026-01-05T09:00:00.000Z' },
    })),
  ); // prettier-ignore

/** What is in the commit log, as its projection does. */
async function project(): Promise<void> {
  const binding = await model.binding();
  if (binding.status === 'unbound') throw new Error(binding.reason);
  const { rows } = await pool.query<Record<'position' | 'nonce' | 'predecessor' | 'incarnation' | 'committed_at_us' | 'documents', string>>(
    'select * from commit_log where position > $1 order by position',
    [binding.applied.position],
  ); // prettier-ignore
  const changes = rows.map((row): Change => {
    const [at, committedAt] = [position(row.position), micros(row.committed_at_us)];
    const documents = (JSON.parse(row.documents) as unknown[]).map((json) => decodeDocument(json, at, committedAt));
    const { nonce, predecessor, incarnation } = row;
    return { position: at, nonce, predecessor, incarnation, committedAt, documents };
  });
  const last = changes.at(-1);
  if (last === undefined) return;
  const { position: at, nonce, incarnation, committedAt } = last;
  await model.apply(changes, { position: at, nonce, incarnation, committedAt, resumeOffset: at } satisfies Applied);
}

/** The stranger's. */
const stranger = async (): Promise<Collection<{ _id: string }>> => {
  const meta = await client.db(name).collection('tidemark_meta').findOne();
  return client.db(name).collection(String(meta?.['collection']));
};
const alter = async (id: string): Promise<void> => {
  await (await stranger()).updateOne({ _id: idOf(order(id)) }, { $set: { 'calculated_value.status': 'FORGED' } });
};

const see = async (store: Store, id: string): Promise<unknown[]> => {
  const { row, contract } = await freshRequest(pool, model).rowFrom(store, order(id));
  return [row?.calculatedValue['status'], contract.confidenceLevel, contract.claim.reasons];
};
const seeSet = async (store: Store, kind = 'order'): Promise<unknown[]> => {
  const scope = store === 'POSTGRES' ? 'STRONG' : 'EVENTUAL';
  const query = { kind, engine, equals: {}, orderBy: 'event_time', descending: false, limit: 500 };
  const { contract } = await freshRequest(pool, model).list(query, {
    requirement: { ...NO_REQUIREMENT, scope },
    tell: () => undefined,
  });
  return [contract.confidenceLevel, contract.claim.reasons];
};
const WORTH = ['EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT']] as const;
const HELD = ['LOW', ['NO_CHECKPOINT', 'VIOLATION_STORE_DIVERGENCE']] as const;
const status = (golden('result.order')['calculated_value'] as { status: string }).status;

const auditor = (over: Partial<ConstructorParameters<typeof Auditor>[0]> = {}): Auditor =>
  new Auditor({ pool, highest: new Highest(), kinds: ['order'], rows: 100, holder: randomUUID(), ...over });

/** What clients hear, oldest first. */
const told = async (): Promise<unknown[]> => {
  const { events } = await createPostgresLedgers(pool).events({ descending: false, limit: 500, store: 'MONGODB' });
  return events.map(({ type, kind, businessKey }) => [type, kind, businessKey]);
};
const FOUND = (id: string) => ['DIVERGENCE_FOUND', 'order', id];
const REPAIRED = (id: string) => ['DIVERGENCE_REPAIRED', 'order', id];

test(
  'a value altered by a stranger is LOW from that store alone once it is found, and has its level back when its repair was read again',
  async () => {
    await accept('a', 'b');
    await copyToModel(pool, model);
    await alter('a');
    // Nobody can know yet.
    expect(await see('MONGODB', 'a')).toEqual(['FORGED', ...WORTH]);
    const between: unknown[] = [];
    const watched: ReadModel = {
      ...model,
      repair: async (...given) => {
        between.push(await told(), await see('MONGODB', 'a'), await see('MONGODB', 'b'), await see('POSTGRES', 'a'));
        between.push(await seeSet('MONGODB'), await seeSet('MONGODB', 'anomaly'), await seeSet('POSTGRES'));
        const requirement = { ...NO_REQUIREMENT, minConfidence: 'EVENTUALLY_CONSISTENT' as const };
        const { row, contract } = await freshRequest(pool, model).row(order('a'), {
          requirement,
          tell: () => undefined,
        });
        between.push([contract.claim.servedBy, row?.calculatedValue['status']]);
        await model.repair(...given);
        // Repaired, and nobody has read it again.
        between.push(await see('MONGODB', 'a'), await told());
      },
    };
    await auditor().round(watched);
    expect(between).toEqual([
      [FOUND('a')],
      ['FORGED', ...HELD],
      [status, ...WORTH],
      [status, ...WORTH],
      HELD,
      WORTH,
      WORTH,
      ['POSTGRES', status],
      [status, ...HELD],
      [FOUND('a')],
    ]);
    expect(await told()).toEqual([FOUND('a'), REPAIRED('a')]);
    // Whoever read the store before the repair has an applied position of before it.
    expect(await see('MONGODB', 'a')).toEqual([status, ...HELD]);
    await project();
    expect(await see('MONGODB', 'a')).toEqual([status, ...WORTH]);
    expect(await seeSet('MONGODB')).toEqual(WORTH);
    await auditor().round(model);
    expect(await told()).toHaveLength(2);
  },
  LIMIT_MS,
);

test(
  'a store that says it was repaired, and was not, stays LOW: nothing is settled that was not read again',
  async () => {
    await accept('a');
    await copyToModel(pool, model);
    await alter('a');
    const one = auditor();
    for (let round = 0; round < 3; round += 1) await one.round({ ...model, repair: async () => undefined });
    await project();
    expect(await told()).toEqual([FOUND('a')]);
    expect(await see('MONGODB', 'a')).toEqual(['FORGED', ...HELD]);
    await one.round(model);
    await project();
    expect(await told()).toEqual([FOUND('a'), REPAIRED('a')]);
    expect(await see('MONGODB', 'a')).toEqual([status, ...WORTH]);
  },
  LIMIT_MS,
);

test(
  'what was removed, added, taken back or put ahead is found and repaired; a change that is on its way is left to its projection',
  async () => {
    await accept('removed', 'back', 'ahead', 'broken');
    await copyToModel(pool, model);
    const [old] = (await model.readMany([order('back')])).data as StoredResult[];
    await accept('back');
    await project();
    const there = await stranger();
    await there.deleteOne({ _id: idOf(order('removed')) });
    const { _id: _, ...older } = toMongo(old!, new Date());
    await there.replaceOne({ _id: idOf(order('back')) }, older);
    await there.insertOne(toMongo({ ...old!, businessKey: 'extra' }, new Date()) as { _id: string });
    const { _id: __, ...ahead } = toMongo({ ...old!, businessKey: 'ahead', position: position(9_000) }, new Date());
    await there.replaceOne({ _id: idOf(order('ahead')) }, ahead);
    await there.updateOne({ _id: idOf(order('broken')) }, { $unset: { position: '' } });
    // Accepted, and not yet applied.
    await accept('flying');
    await auditor().round(model);
    const ids = ['ahead', 'back', 'broken', 'extra', 'removed'];
    expect((await told()).sort()).toEqual([...ids.map(FOUND), ...ids.map(REPAIRED)]);
    await project();
    const all = [...ids, 'flying'].map(order);
    const truth = (await createPostgresReader(pool).readMany(all)).data;
    const { data } = await model.readMany(all);
    expect(data.map((row) => (row?.deleted === true ? null : row))).toEqual(truth);
    // A null is worth what it is worth elsewhere.
    expect(await see('MONGODB', 'extra')).toEqual(await see('POSTGRES', 'extra'));
    // The key is as good as any other: what comes for it is taken.
    await accept('extra', 'ahead');
    await project();
    expect(await see('MONGODB', 'extra')).toEqual([status, ...WORTH]);
    expect(await see('MONGODB', 'ahead')).toEqual([status, ...WORTH]);
    await auditor().round(model);
    expect(await told()).toHaveLength(10);
  },
  LIMIT_MS,
);

test(
  'the walk is bounded by its buckets, goes on where another server stopped, and is one server’s at a time',
  async () => {
    const ids = Array.from({ length: 9 }, (_, n) => `o-${n}`);
    await accept(...ids);
    await copyToModel(pool, model);
    await alter('o-8');
    const compared: number[] = [];
    const counting = { rows: 4, tell: { compared: (_: Store, keys: number) => void compared.push(keys) } };
    const first = auditor(counting);
    await first.round(model);
    await first.round(model);
    expect(compared).toEqual([4, 4]);
    const second = auditor(counting);
    expect(await second.round(model)).toBe(false);
    expect(compared).toEqual([4, 4]);
    expect(await told()).toEqual([]);
    await pool.query('update store_audits set until_us = 0');
    expect(await second.round(model)).toBe(true);
    expect(compared.slice(2)).toEqual([1]);
    expect(await told()).toEqual([FOUND('o-8'), REPAIRED('o-8')]);
  },
  LIMIT_MS,
);

test(
  'beyond so many divergences the whole kind of that store is held, and no longer than it takes',
  async () => {
    const ids = Array.from({ length: MOST_KEYS + 1 }, (_, n) => `o-${n}`);
    await accept('untouched', ...ids);
    await copyToModel(pool, model);
    await (await stranger()).deleteMany({ business_key: /^o-/ });
    const one = auditor({ rows: 200 });
    await one.round({ ...model, repair: async () => undefined });
    await project();
    expect(await see('MONGODB', 'untouched')).toEqual([status, ...HELD]);
    expect(await see('POSTGRES', 'untouched')).toEqual([status, ...WORTH]);
    await one.round(model);
    await project();
    expect(await see('MONGODB', 'untouched')).toEqual([status, ...WORTH]);
    expect(await see('MONGODB', 'o-7')).toEqual([status, ...WORTH]);
    expect(await told()).toHaveLength(2 * ids.length);
  },
  LIMIT_MS,
);

test(
  'nothing is judged against another history, nor where nobody can tell whether it is one',
  async () => {
    await accept('a');
    await copyToModel(pool, model);
    await alter('a');
    await pool.query(`update commit_clock set incarnation = gen_random_uuid()`);
    await auditor().round(model);
    expect(await told()).toEqual([]);
  },
  LIMIT_MS,
);
