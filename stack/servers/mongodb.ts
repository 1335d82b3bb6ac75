import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { MongoClient, MongoServerError } from 'mongodb';
import { DATABASE, MONGOD_ARGUMENTS, MONGODB_REPLICA_SET } from '../settings.js';
import type { ComponentSpec } from '../process/component.js';
import { holdsWithin } from '../process/wait.js';
import type { ServerContext } from './context.js';

export function mongodbUrl(port: number): string {
  return `mongodb://127.0.0.1:${port}/${DATABASE}?replicaSet=${MONGODB_REPLICA_SET}`;
}

/** mongod as a replica set of one; it is ready when it is primary. */
export function mongodbSpec(context: ServerContext, program: string): ComponentSpec {
  const port = context.ports.mongodb;
  const folder = context.folder('mongodb');
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  return {
    name: 'mongodb',
    command: program,
    args: ['--dbpath', data, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket', ...MONGOD_ARGUMENTS],
    env: context.env,
    cwd: folder,
    log: context.log('mongodb'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 60_000,
    isReady: () => isPrimary(port),
  };
}

/** Initiates the set at the first start, moves it along if the port has changed, and waits for the primary. */
async function isPrimary(port: number): Promise<boolean> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 1_000,
  });
  try {
    const admin = client.db('admin');
    await ensureMember(client, `127.0.0.1:${port}`);
    return await holdsWithin(async () => (await admin.command({ hello: 1 })).isWritablePrimary === true, {
      timeoutMs: 5_000,
      everyMs: 50,
    });
  } finally {
    await client.close();
  }
}

async function ensureMember(client: MongoClient, host: string): Promise<void> {
  const admin = client.db('admin');
  const members = [{ _id: 0, host }];
  try {
    const { config } = await admin.command({ replSetGetConfig: 1 });
    if (config.members[0].host === host) return;
    await admin.command({
      replSetReconfig: { ...config, members: [{ ...config.members[0], host }], version: config.version + 1 },
      force: true,
    });
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.codeName !== 'NotYetInitialized') throw error;
    await admin.command({ replSetInitiate: { _id: MONGODB_REPLICA_SET, members } });
  }
}
