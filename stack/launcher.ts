import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFaultControl, type FaultControl } from '../lab/control.js';
import { catalogue, type Fault, type Target } from '../lab/faults/index.js';
import { Runs } from '../lab/report/list.js';
import { APP_NAMES, type AppName } from './apps.js';
import { sentenceOf, StackError } from './errors.js';
import { handlesOf } from './handles.js';
import { buildConsole } from './install/console.js';
import { environmentPaths, REPOSITORY, stackIdOf, type Paths } from './paths.js';
import { portsFrom } from './ports.js';
import { requirePlatform, requirePorts, requireSpace } from './preflight.js';
import { holderOf, tryLock, unlock } from './process/lock.js';
import { endOrphans } from './process/orphans.js';
import { progressOn, type Progress } from './progress.js';
import { requireWritable } from './servers/postgres-user.js';
import { Stack } from './stack.js';
import { addressTable } from './table.js';

/** A terminal's Ctrl-C reaches us twice, once from the terminal and once from npm: only a later one means "now". */
const SAME_KEYSTROKE_MS = 800;

export interface StartOptions {
  readonly without: readonly (AppName | 'flink')[];
  /** Also offers faults, through the server: for people who want to see what breaks. */
  readonly lab: boolean;
}

/** Where `tidemark lab run` puts them. */
const RUNS = join(REPOSITORY, 'lab/runs');
/** A fault of the lab mode mends itself after so long. */
const HEAL_AFTER_MS = 20_000;

/** Starts everything and stays in the foreground until it is told to stop. Returns the exit code. */
export async function start({ without, lab }: StartOptions): Promise<number> {
  requirePlatform();
  const missing = without.filter((name) => name === 'server' || name === 'processor');
  if (lab && missing.length > 0) {
    throw new StackError('STACK_SETTING_INVALID', `--lab breaks ${missing.join(' and ')}, too: leave them in.`);
  }
  const ports = portsFrom(process.env);
  const paths = environmentPaths();
  prepareFolders(paths);
  const lock = lockPath(paths);
  const holder = tryLock(lock);
  if (holder !== undefined) {
    throw new StackError(
      'STACK_ALREADY_RUNNING',
      `process ${holder.pid} already runs a stack on ${paths.data}: use it, or end it with "npm stop".`,
    );
  }
  const began = performance.now();
  const progress = progressOn(process.stdout);
  let control: FaultControl | undefined;
  try {
    const ended = await endOrphans(stackIdOf(paths.data));
    if (ended.length > 0) progress.note(`Ended what an earlier start left behind: ${ended.join(', ')}.`);
    await requirePorts(ports);
    const apps = APP_NAMES.filter((name) => !without.includes(name));
    let isReady = false;
    const target = (): Target => ({ ...stack.addresses, processes: handlesOf(stack), flink: stack.flink });
    const faults = (): Fault[] => (isReady ? catalogue(target()) : []);
    if (lab) control = await startFaultControl({ faults, healAfterMs: HEAL_AFTER_MS, runs: new Runs(RUNS) });
    const stack: Stack = new Stack({
      paths,
      ports,
      env: process.env,
      progress,
      apps,
      ...(!without.includes('flink') && { flink: {} }),
      ...(control && { overrides: { server: { env: { LAB_URL: control.url } } } }),
    });
    const told = whenTold(stack, (text) => progress.note(text));
    const stopping = new AbortController();
    const building = apps.includes('server') ? makeConsole(progress, stopping.signal) : Promise.resolve();
    const ready = Promise.all([stack.start(), building]).then(() => 'ready' as const);
    const outcome = await Promise.race([ready, told.first]);
    stopping.abort();
    progress.close();
    if (outcome === 'ready') {
      isReady = true;
      process.stdout.write(
        `\n${addressTable(stack.addresses, paths, ports)}\nReady after ${((performance.now() - began) / 1000).toFixed(1)} s.\n`,
      );
      await told.first;
    }
    process.stdout.write('\nStopping: writers first, then the servers …\n');
    await control?.stop();
    await stack.stop();
    process.stdout.write('Stopped. The data stays for the next start.\n');
    return 0;
  } finally {
    progress.close();
    // Once more, if it did not come so far.
    await control?.stop();
    unlock(lock);
  }
}

/** Nobody's data waits for a page: without it the start goes on, and says so. */
async function makeConsole(progress: Progress, signal: AbortSignal): Promise<void> {
  const step = progress.step('console');
  try {
    await buildConsole(step, signal);
  } catch (error) {
    step.fail('not built');
    if (!signal.aborted) progress.note(`${sentenceOf(error)} Everything else starts without it.`);
  }
}

export function lockPath(paths: Paths): string {
  return join(paths.run, 'launcher.lock');
}

export { holderOf };

/** Resolves at the first request to stop; the second one kills. */
function whenTold(stack: Stack, say: (text: string) => void): { first: Promise<'stop'> } {
  let firstAt: number | undefined;
  const first = new Promise<'stop'>((resolve) => {
    const hear = (): void => {
      const now = performance.now();
      if (firstAt === undefined) {
        firstAt = now;
        resolve('stop');
      } else if (now - firstAt > SAME_KEYSTROKE_MS) {
        say('Killing everything without a drain.');
        void stack.kill().finally(() => process.exit(130));
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hear);
  });
  return { first };
}

function prepareFolders(paths: Paths): void {
  for (const [folder, variable] of [
    [paths.data, 'TIDEMARK_DATA'],
    [paths.cache, 'TIDEMARK_CACHE'],
  ] as const) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
    } catch (cause) {
      throw new StackError('STACK_FOLDER_CLOSED', `${folder} cannot be made: set ${variable} to a folder of yours.`, {
        cause,
      });
    }
    requireWritable(folder, variable);
    requireSpace(folder, variable);
  }
  mkdirSync(paths.run, { recursive: true });
  const note = dataNote(paths);
  if (!existsSync(note)) writeFileSync(note, `${JSON.stringify({ tidemark: 1, clone: REPOSITORY })}\n`);
}

/** The file that says "this folder is a stack's": nothing is ever wiped without it. */
export function dataNote(paths: Paths): string {
  return join(paths.data, 'tidemark-data.json');
}

export function isDataFolder(paths: Paths): boolean {
  return existsSync(dataNote(paths)) && readFileSync(dataNote(paths), 'utf8').includes('"tidemark"');
}
