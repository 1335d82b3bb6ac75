import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from './errors.js';
import { dataNote, isDataFolder, lockPath } from './launcher.js';
import { DATA_FOLDERS, environmentPaths, stackIdOf } from './paths.js';
import { holderOf, tryLock, unlock } from './process/lock.js';
import { endOrphans } from './process/orphans.js';
import { holdsWithin } from './process/wait.js';
import { secretsPath } from './servers/secrets.js';

const DRAIN_LIMIT_MS = 120_000;

/** Tells a running launcher to drain, and ends what a dead one left behind. Only what carries this stack's marker is touched. */
export async function stop(say: (text: string) => void): Promise<void> {
  const paths = environmentPaths();
  const lock = lockPath(paths);
  const holder = holderOf(lock);
  if (holder !== undefined) {
    say(`Asking process ${holder.pid} to stop …`);
    process.kill(holder.pid, 'SIGTERM');
    if (!(await holdsWithin(() => holderOf(lock) === undefined, { timeoutMs: DRAIN_LIMIT_MS }))) {
      say(`Process ${holder.pid} did not end within ${DRAIN_LIMIT_MS / 1000} s and is killed.`);
      process.kill(holder.pid, 'SIGKILL');
    }
  }
  const ended = await endOrphans(stackIdOf(paths.data));
  if (ended.length > 0) say(`Ended what an earlier start left behind: ${ended.join(', ')}.`);
  say(
    holder === undefined && ended.length === 0 ? 'Nothing was running.' : 'Stopped. The data stays for the next start.',
  );
}

/** Stops, then removes the data folder: only the names that we made, and only where our own note lies. */
export async function reset(say: (text: string) => void): Promise<void> {
  await stop(say);
  const paths = environmentPaths();
  if (!existsSync(paths.data)) return say('There is no data to remove.');
  if (!isDataFolder(paths)) {
    throw new StackError(
      'STACK_SETTING_INVALID',
      `${paths.data} is no data folder of Tidemark, so nothing was removed: look at TIDEMARK_DATA.`,
    );
  }
  if (tryLock(lockPath(paths)) !== undefined) {
    throw new StackError(
      'STACK_ALREADY_RUNNING',
      `a stack was started on ${paths.data} meanwhile, so nothing was removed: run "npm run reset" again.`,
    );
  }
  try {
    for (const name of DATA_FOLDERS) {
      if (name !== 'run') rmSync(join(paths.data, name), { recursive: true, force: true });
    }
    rmSync(secretsPath(paths.data), { force: true });
  } finally {
    unlock(lockPath(paths));
  }
  rmSync(paths.run, { recursive: true, force: true });
  rmSync(dataNote(paths), { force: true });
  if (readdirSync(paths.data).length === 0) rmdirSync(paths.data);
  say(`Removed ${paths.data} (${DATA_FOLDERS.join(', ')}). Installed servers stay in ${paths.cache}.`);
}
