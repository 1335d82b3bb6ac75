/** Numbered SQL files of `migrations/`, forward only, applied once each under an advisory lock. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { AppError, asError } from '../../errors.js';

export const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
const TABLE = 'tidemark_migrations';

/**
 * @param folder another one in tests only
 * @returns how many migrations were applied now
 * @throws AppError MIGRATION_FAILED: nothing of the failed file is left, each runs in one transaction. SCHEMA_NEWER: a
 * later version has been here; nothing was done
 */
export async function migrate(postgresUrl: string, folder = MIGRATIONS): Promise<number> {
  try {
    await refuseNewer(postgresUrl, folder);
    const applied = await runner({
      databaseUrl: postgresUrl,
      dir: folder,
      direction: 'up',
      migrationsTable: TABLE,
      checkOrder: true,
      // Servers that start together: one migrates, the others find it done.
      advisoryLockMode: 'wait',
      log: () => undefined,
    });
    // A server of a later version may have migrated while this one waited for the lock.
    await refuseNewer(postgresUrl, folder);
    return applied.length;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('MIGRATION_FAILED', `A migration could not be applied: ${asError(cause).message}`, {
      retryable: false,
      outcome: 'none',
      cause,
    });
  }
}

/** Code that does not know a table must not write beside it: an older version on a newer schema stays out. */
async function refuseNewer(postgresUrl: string, folder: string): Promise<void> {
  const known = new Set(readdirSync(folder).map((file) => file.replace(/\.sql$/, '')));
  const unknown = (await appliedNames(postgresUrl)).find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new AppError(
    'SCHEMA_NEWER',
    `The database has the migration ${unknown}, which this version does not know: start the version that made it or a newer one, or restore the copy from before the upgrade.`,
    { retryable: false, outcome: 'none' },
  );
}

async function appliedNames(postgresUrl: string): Promise<string[]> {
  const client = new Client({ connectionString: postgresUrl, connectionTimeoutMillis: 5_000 });
  // A lost connection also rejects the query in flight.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const table = await client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [TABLE]);
    if (table.rows[0]?.found !== true) return [];
    return (await client.query<{ name: string }>(`SELECT name FROM ${TABLE} ORDER BY id`)).rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}
