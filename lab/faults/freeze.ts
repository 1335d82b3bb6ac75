/** SIGSTOP of a process and all its descendants: connections stay open, nothing answers; on SIGCONT it goes on as if nothing was. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Fault, Target, Victim, VictimName } from './fault.js';

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
}

function stats(): Stat[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const text = readFileSync(`/proc/${entry}/stat`, 'latin1');
      // The second field is the program's name in parentheses and may contain anything.
      const [state = '', parent = '0'] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(entry), parent: Number(parent), state }];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

/** Parents first. A server may give each of its children a process group of its own, so that groups would not do. */
function tree(root: number): Stat[] {
  const all = stats();
  const found = all.filter(({ pid }) => pid === root);
  for (const one of found) found.push(...all.filter(({ parent }) => parent === one.pid));
  return found;
}

/** The process and all its descendants that live now, parents first. */
export const familyOf = (root: number): number[] => tree(root).map(({ pid }) => pid);

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

export const freeze = (target: Target, who: VictimName): Fault => freezeOf(who, target.processes[who]);

/** @param who for people */
export function freezeOf(who: string, victim: Victim): Fault {
  return {
    name: `freeze ${who}`,
    inject: async () => {
      if (victim.pid === undefined) throw new Error(`${who} does not run: it can't be frozen`);
      for (const { pid } of tree(victim.pid)) send(pid, 'SIGSTOP');
    },
    heal: async () => {
      if (victim.pid !== undefined) for (const { pid } of tree(victim.pid).reverse()) send(pid, 'SIGCONT');
      // Its supervisor may have been told meanwhile that it ended: then it is started again.
      await victim.start();
    },
    isActive: async () => victim.pid !== undefined && tree(victim.pid)[0]?.state === 'T',
  };
}
