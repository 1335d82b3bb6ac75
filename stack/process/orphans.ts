import { processesOf, type FoundProcess } from './identify.js';
import type { ComponentName } from './component.js';
import { holdsWithin } from './wait.js';

/** The order of a drain: what writes first, what stores last. */
const STOP_ORDER: readonly ComponentName[] = [
  'generator',
  'processor',
  'taskmanager',
  'jobmanager',
  'server',
  'connect',
  'kafka',
  'mongodb',
  'elasticsearch',
  'clickhouse',
  'postgres',
];

/** Ends what a launcher that died left behind, and nothing else; returns the names of what was ended. */
export async function endOrphans(stackId: string): Promise<string[]> {
  const names = new Set(processesOf(stackId).map((found) => found.component));
  const strangers = [...names].filter((name) => !(STOP_ORDER as readonly string[]).includes(name));
  for (const name of [...STOP_ORDER, ...strangers]) {
    if (names.has(name)) await endAll(stackId, name);
  }
  return [...names];
}

async function endAll(stackId: string, component: string): Promise<void> {
  const left = (): FoundProcess[] => processesOf(stackId).filter((found) => found.component === component);
  // A "fast" shutdown is SIGINT for Postgres. A stopped process takes no signal until it goes on.
  const polite = component === 'postgres' ? 'SIGINT' : 'SIGTERM';
  for (const { pid } of left()) {
    send(pid, polite);
    send(pid, 'SIGCONT');
  }
  if (await holdsWithin(() => left().length === 0, { timeoutMs: 15_000 })) return;
  for (const { pid } of left()) send(pid, 'SIGKILL');
  await holdsWithin(() => left().length === 0, { timeoutMs: 10_000 });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
