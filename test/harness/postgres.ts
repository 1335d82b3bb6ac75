import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Client } from 'pg';
import { withClient } from '../../stack/servers/postgres.js';

export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A freshly migrated database of its own for one test file, cloned from the template in some 50 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const templateUrl = process.env.TIDEMARK_TEST_TEMPLATE_URL;
  if (templateUrl === undefined)
    throw new Error('No test Postgres: name the file *.pg.test.ts and run "npm test -- pg".');
  const template = new URL(templateUrl).pathname.slice(1);
  const name = `test_${randomBytes(6).toString('hex')}`;
  const maintenance = at(templateUrl, 'postgres');
  await withClient(maintenance, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`));
  return {
    url: at(templateUrl, name),
    drop: async () => {
      await withClient(maintenance, async (client) => {
        await connectionsEnded(client, name);
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      });
    },
  };
}

const ENDING_MS = 5_000;

/**
 * A pool that has ended may still have connections on their way out. Forced out, they would tell a client that nobody
 * listens to any more, which ends the whole test process. One that a test forgot is forced out after a while.
 */
async function connectionsEnded(client: Client, name: string): Promise<void> {
  const until = Date.now() + ENDING_MS;
  for (;;) {
    const { rows } = await client.query<{ n: number }>(
      'select count(*)::int as n from pg_stat_activity where datname = $1',
      [name],
    );
    if (rows[0]?.n === 0 || Date.now() > until) return;
    await setTimeout(20);
  }
}

function at(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
