import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { startMongo, type TestMongo } from '../../../test/harness/mongo.js';
import { describeReadModel, type ConformanceSubject } from '../conformance.js';
import { MONGO_CLIENT_OPTIONS } from './command.js';
import { idOf, toMongo } from './document.js';
import { createMongoModel } from './model.js';
import { META_COLLECTION } from './position.js';

let mongo: TestMongo;
let client: MongoClient;

beforeAll(async () => {
  mongo = await startMongo();
  client = new MongoClient(mongo.url, MONGO_CLIENT_OPTIONS);
}, 120_000);

afterAll(async () => {
  await client?.close();
  await mongo?.stop();
}, 30_000);

const randomName = (): string => randomBytes(4).toString('hex');

async function subject(): Promise<ConformanceSubject> {
  const database = `conformance_${randomName()}`;
  const db = client.db(database);
  const clients: MongoClient[] = [];
  const model = () => {
    const own = new MongoClient(mongo.url, MONGO_CLIENT_OPTIONS);
    clients.push(own);
    return createMongoModel({ client: own, database, nowMs: Date.now, newName: randomName });
  };
  const collection = async (): Promise<string> => (await db.collection(META_COLLECTION).findOne())?.['collection'];
  const validator = (rule: object) => db.command({ collMod: META_COLLECTION, validator: rule });
  return {
    model: model(),
    another: model,
    breakApplied: async () => void (await validator({ position: { $exists: false } })),
    healApplied: async () => void (await validator({})),
    wipe: async () => {
      const name = await collection();
      await db.dropCollection(name);
      await db.createCollection(name);
    },
    drop: async () => void (await db.dropCollection(await collection())),
    plant: async (document) => {
      const there = db.collection<{ _id: string }>(await collection());
      await there.replaceOne({ _id: idOf(document) }, toMongo(document, new Date()), { upsert: true });
    },
    remove: async (key) =>
      void (await db.collection<{ _id: string }>(await collection()).deleteOne({ _id: idOf(key) })),
    garble: async (key) => {
      const there = db.collection<{ _id: string }>(await collection());
      await there.updateOne({ _id: idOf(key) }, { $unset: { position: '' } });
    },
    unacceptable: (base) => ({ ...base, calculatedValue: { blob: 'x'.repeat(17 * 1024 * 1024) } }),
    close: async () => {
      await db.dropDatabase();
      await Promise.all(clients.map((own) => own.close()));
    },
  };
}

describeReadModel('MongoDB', subject);
