import { randomBytes } from 'node:crypto';
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
      await withClient(maintenance, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

function at(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
