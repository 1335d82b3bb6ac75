import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { startTimeOf } from './identify.js';

export interface Holder {
  readonly pid: number;
  readonly started: string;
}

/**
 * Takes a lock file that names its holder; returns undefined if it is ours now, else who holds it. A lock whose holder
 * is no longer alive is taken over.
 */
export function tryLock(path: string): Holder | undefined {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, started: startTimeOf(process.pid) }));
  try {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      try {
        // A link appears whole or not at all: nobody ever reads a half-written lock.
        linkSync(mine, path);
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = holderOf(path);
      if (holder !== undefined) return holder;
      putAside(path);
    }
    throw new Error(`The lock ${path} changes hands too fast.`);
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Who holds the lock, if it exists and its holder lives. */
export function holderOf(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder;
    return startTimeOf(holder.pid) === holder.started ? holder : undefined;
  } catch {
    return undefined;
  }
}

export function unlock(path: string): void {
  if (holderOf(path)?.pid === process.pid) rmSync(path, { force: true });
}

function putAside(path: string): void {
  const aside = `${path}.stale.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  // Between the look and the rename somebody else may have taken over: then it goes back.
  if (holderOf(aside) !== undefined) {
    try {
      linkSync(aside, path);
    } catch {
      // A third one was faster; both see each other's work at the atomic rename that ends it.
    }
  }
  rmSync(aside, { force: true });
}
