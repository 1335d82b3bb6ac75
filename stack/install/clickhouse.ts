import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { StackError } from '../errors.js';
import { REPOSITORY } from '../paths.js';
import type { Step } from '../progress.js';
import { VERSIONS } from '../settings.js';
import { cached } from './cache.js';

/** Package file and lock file: every digest is checked. */
const RECIPE = join(REPOSITORY, 'stack', 'install', 'chdb');
/** Fetched and then unpacked beside it. */
const TOTAL_BYTES = 690e6;

/**
 * The ClickHouse engine as an npm package with 543 MB of native code: into the cache, so that `npm ci` of the repository
 * stays small and a fresh clone finds it. Returns the folder that holds its node_modules.
 */
export async function installClickhouse(cache: string, step: Step, signal: AbortSignal): Promise<string> {
  return cached(
    cache,
    `chdb-${VERSIONS.chdb}`,
    (staging) => fetchWithNpm(staging, step, signal),
    () => step.update('another start is installing it'),
  );
}

async function fetchWithNpm(staging: string, step: Step, signal: AbortSignal): Promise<void> {
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(RECIPE, file), join(staging, file));
  step.update('fetching with npm', 0.01);
  const watch = setInterval(() => {
    const bytes = bytesIn(staging);
    step.update(
      `fetched and unpacked ${Math.round(bytes / 1e6)} of ${TOTAL_BYTES / 1e6} MB`,
      Math.min(0.95, bytes / TOTAL_BYTES),
    );
  }, 500);
  // npm's download goes into its cache: its growth is the progress.
  const npmCache = join(staging, '.npm');
  try {
    const result = await execa(
      'npm',
      // Not `ci`: it wants the packages of other platforms in the lock, which not every registry has.
      [
        'install',
        '--no-save',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
        '--no-progress',
        '--cache',
        npmCache,
      ],
      { cwd: staging, reject: false, stdin: 'ignore', cancelSignal: signal },
    );
    if (result.failed) throw failed(reasonIn(result.stderr));
  } finally {
    clearInterval(watch);
  }
  if (!existsSync(join(staging, 'node_modules', '@chdb', 'lib-linux-x64-gnu', 'chdb_node.node'))) {
    throw failed('the native package did not come');
  }
  rmSync(npmCache, { recursive: true, force: true });
}

/** npm ends with the place of its log; what happened stands before. */
const reasonIn = (stderr: string): string =>
  stderr
    .split('\n')
    .map((line) => line.replace(/^npm error\s*/, '').trim())
    .find((line) => line !== '' && !line.startsWith('npm ') && !line.startsWith('code ')) ?? 'it gave no reason';

const failed = (reason: string): StackError =>
  new StackError(
    'STACK_INSTALL_FAILED',
    `npm could not fetch the ClickHouse engine (${reason.slice(0, 300)}): check the network or npm's registry setting.`,
  );

function bytesIn(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true }).reduce((sum, file) => {
      const found = statSync(join(folder, String(file)), { throwIfNoEntry: false });
      return sum + (found?.isFile() ? found.size : 0);
    }, 0);
  } catch {
    // npm moves its files while we look.
    return 0;
  }
}
