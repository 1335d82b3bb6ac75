import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { REPOSITORY } from './paths.js';

const MODULE = join(REPOSITORY, 'src', 'stores', 'postgres', 'migrate.ts');

/** Brings the schema up to date; undefined while the server has no migrations to run. */
export async function migrateDatabase(postgresUrl: string): Promise<number | undefined> {
  if (!existsSync(MODULE)) return undefined;
  const { migrate } = (await import(pathToFileURL(MODULE).href)) as {
    migrate: (postgresUrl: string) => Promise<number>;
  };
  return migrate(postgresUrl);
}
