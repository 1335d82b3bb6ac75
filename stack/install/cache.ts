import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { tryLock, unlock } from '../process/lock.js';
import { holdsWithin } from '../process/wait.js';

/** Mirrors of a slow network may need long; a lock that waits longer than this points at its holder. */
const WAIT_FOR_OTHER_MS = 20 * 60_000;

/**
 * The folder of an installed server. It is filled in a folder beside it and renamed when whole, so a half-finished
 * installation is never seen and simply done again; a lock keeps two launchers from fetching the same thing.
 */
export async function cached(
  cache: string,
  name: string,
  fill: (folder: string) => Promise<void>,
  onWait: () => void,
): Promise<string> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  try {
    mkdirSync(cache, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw new StackError(
      'STACK_FOLDER_CLOSED',
      `the cache ${cache} cannot be made: set TIDEMARK_CACHE to a folder you can write.`,
      { cause },
    );
  }
  const lock = join(cache, `${name}.lock`);
  const ours = await holdsWithin(
    () => {
      const holder = tryLock(lock);
      if (holder !== undefined) onWait();
      return holder === undefined;
    },
    { timeoutMs: WAIT_FOR_OTHER_MS, everyMs: 250 },
  );
  if (!ours)
    throw new StackError(
      'STACK_INSTALL_FAILED',
      `another program has held ${lock} for 20 minutes: end it and start again.`,
    );
  try {
    if (existsSync(folder)) return folder;
    removeLeftovers(cache, name);
    const staging = join(cache, `${name}.tmp-${process.pid}`);
    mkdirSync(staging);
    chmodSync(staging, 0o755);
    await fill(staging);
    renameSync(staging, folder);
    return folder;
  } finally {
    unlock(lock);
  }
}

function removeLeftovers(cache: string, name: string): void {
  for (const entry of readdirSync(cache)) {
    if (entry.startsWith(`${name}.tmp-`)) rmSync(join(cache, entry), { recursive: true, force: true });
  }
}
