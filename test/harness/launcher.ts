import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY, stackIdOf } from '../../stack/paths.js';
import { PORT_NAMES, PORTS } from '../../stack/ports.js';
import { processesOf } from '../../stack/process/identify.js';
import { eventually } from './eventually.js';
import type { Sandbox } from './sandbox.js';

/** The launcher as people run it: a process of its own, with what it has printed so far. */
export interface Launched {
  readonly process: ChildProcess;
  output(): string;
  readonly ended: Promise<{ code: number | null; output: string }>;
}

export function launch(sandbox: Sandbox, ...args: string[]): Launched {
  const ports = Object.fromEntries(PORT_NAMES.map((name) => [PORTS[name].variable, String(sandbox.ports[name])]));
  const child = spawn(process.execPath, [join(REPOSITORY, 'stack', 'bootstrap.mjs'), ...args], {
    env: { ...sandbox.env, ...ports, TIDEMARK_DATA: sandbox.paths.data, TIDEMARK_CACHE: sandbox.paths.cache },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, output })),
  );
  return { process: child, output: () => output, ended };
}

/** Waits for the table of addresses; a launcher that ends instead fails with what it said. */
export function untilReady(launched: Launched): Promise<void> {
  const ready = eventually(() => expect(launched.output()).toContain('Ready after'), {
    timeoutMs: 110_000,
    everyMs: 200,
  });
  const died = launched.ended.then(({ code, output }) =>
    Promise.reject(new Error(`the launcher ended with ${code}: ${output}`)),
  );
  died.catch(() => undefined);
  return Promise.race([ready, died]);
}

/** The names of the sandbox's living components, sorted. */
export function componentsOf(sandbox: Sandbox): string[] {
  return [...new Set(processesOf(stackIdOf(sandbox.paths.data)).map((found) => found.component))].sort();
}
