import { readdirSync, readFileSync } from 'node:fs';

/** Every process that the stack starts carries both in its environment, so that only those are ever ended. */
export const STACK_ID_VARIABLE = 'TIDEMARK_STACK_ID';
export const COMPONENT_VARIABLE = 'TIDEMARK_COMPONENT';

export interface FoundProcess {
  readonly pid: number;
  readonly component: string;
}

/** The living processes of a stack, found by their marker in /proc; zombies have no environment and do not count. */
export function processesOf(stackId: string): FoundProcess[] {
  return processesWith(STACK_ID_VARIABLE, stackId);
}

/** All living processes whose environment says `variable=value`. */
export function processesWith(variable: string, value: string): FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = read(`/proc/${pid}/environ`).split('\0');
    if (!environment.includes(`${variable}=${value}`)) continue;
    const component = environment.find((line) => line.startsWith(`${COMPONENT_VARIABLE}=`));
    found.push({ pid, component: component?.slice(COMPONENT_VARIABLE.length + 1) ?? 'unknown' });
  }
  return found;
}

/** When a process began, in clock ticks since boot: with its pid a name that is never used twice. Undefined when it is gone. */
export function startTimeOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return '';
  }
}
