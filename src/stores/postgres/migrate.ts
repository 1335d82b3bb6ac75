/** Numbered SQL files of `migrations/`, forward only, applied once each under an advisory lock. */
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { AppError } from '../../errors.js';

/**
 * @returns how many migrations were applied now
 * @throws AppError MIGRATION_FAILED: nothing of the failed file is left, each runs in one transaction
 */
export async function migrate(postgresUrl: string): Promise<number> {
  try {
    const applied = await runner({
      databaseUrl: postgresUrl,
      dir: fileURLToPath(new URL('../../../migrations', import.meta.url)),
      direction: 'up',
      migrationsTable: 'tidemark_migrations',
      checkOrder: true,
      log: () => undefined,
    });
    return applied.length;
  } catch (cause) {
    throw new AppError('MIGRATION_FAILED', `A migration could not be applied: ${String((cause as Error).message)}`, {
      retryable: false,
      outcome: 'none',
      cause,
    });
  }
}
