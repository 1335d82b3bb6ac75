import { MongoClient, MongoServerError } from 'mongodb';
import { StackError } from '../errors.js';
import { holdsWithin } from '../process/wait.js';
import { MONGODB_REPLICA_SET } from '../settings.js';

/** Makes a mongod a replica set of one under the name that others reach it by, unless it is one, and waits for the primary. */
export async function ensureReplicaSet(host: string, timeoutMs: number): Promise<'initiated' | 'present'> {
  const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: timeoutMs });
  try {
    const done = await initiate(client, host);
    const admin = client.db('admin');
    const primary = await holdsWithin(async () => (await admin.command({ hello: 1 })).isWritablePrimary === true, {
      timeoutMs,
    });
    if (primary) return done;
    throw new StackError('STACK_NOT_READY', `MongoDB at ${host} did not become primary: see its log.`);
  } finally {
    await client.close();
  }
}

async function initiate(client: MongoClient, host: string): Promise<'initiated' | 'present'> {
  const admin = client.db('admin');
  try {
    const reply = await admin.command({ replSetGetConfig: 1 });
    const { members } = reply.config as { members: { host: string }[] };
    if (members.some((member) => member.host === host)) return 'present';
    throw new StackError(
      'STACK_NOT_READY',
      `MongoDB's replica set has no member ${host} but ${members.map((member) => member.host).join(', ')}: it was made under another name.`,
    );
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.codeName !== 'NotYetInitialized') throw error;
    await admin.command({ replSetInitiate: { _id: MONGODB_REPLICA_SET, members: [{ _id: 0, host }] } });
    return 'initiated';
  }
}
