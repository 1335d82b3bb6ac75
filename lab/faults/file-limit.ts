/**
 * No file of a process may grow any more (RLIMIT_FSIZE), as on a full disk. What a store does then is its own: it refuses writes,
 * or it ends; then its supervisor may start it again, without the limit, and the fault is over by itself. Healed it is started
 * once more, as after a disk was full: some stores give up what they could not write until then.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Fault, Target, VictimName } from './fault.js';
import { familyOf } from './freeze.js';

const run = promisify(execFile);
const LIMIT_BYTES = 4_096;

async function limit(pid: number, bytes: number | 'unlimited'): Promise<void> {
  // A process that ended meanwhile has no limit.
  await run('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]).catch(() => undefined);
}

/** Of the whole family: a server may give its children no less. */
function isLimited(pid: number): boolean {
  try {
    const line = readFileSync(`/proc/${pid}/limits`, 'utf8')
      .split('\n')
      .find((text) => text.startsWith('Max file size'));
    return line !== undefined && /^Max file size\s+\d/.test(line);
  } catch {
    return false;
  }
}

export function fileLimit(target: Target, who: VictimName): Fault {
  const victim = target.processes[who];
  const family = (): number[] => (victim.pid === undefined ? [] : familyOf(victim.pid));
  return {
    name: `file-limit ${who}`,
    inject: async () => {
      if (victim.pid === undefined) throw new Error(`${who} does not run: it has no files to limit`);
      for (const pid of family()) await limit(pid, LIMIT_BYTES);
    },
    heal: async () => {
      for (const pid of family()) await limit(pid, 'unlimited');
      await victim.stop();
      await victim.start();
    },
    isActive: async () => family().some(isLimited),
  };
}
