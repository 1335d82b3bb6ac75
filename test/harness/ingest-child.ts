import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { builtProgram } from '../../stack/apps.js';
import { eventually } from './eventually.js';
import type { IngestProgram, Said } from './ingest-program-types.js';

const living = new Set<ChildProcess>();
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));

type OfType<T extends Said['type']> = Extract<Said, { type: T }> & { readonly atMs: number };

/** The ingest program as a process of its own, with what it has said so far. */
export class IngestChild {
  readonly said: (Said & { readonly atMs: number })[] = [];
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  errors = '';
  private readonly process: ChildProcess;

  constructor(program: IngestProgram, nodeArguments: readonly string[] = []) {
    const child = spawn(process.execPath, [...nodeArguments, ...builtProgram('ingest'), JSON.stringify(program)], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = child;
    living.add(child);
    createInterface({ input: child.stdout }).on('line', (line) =>
      this.said.push({ ...(JSON.parse(line) as Said), atMs: performance.now() }),
    );
    child.stderr.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    this.ended = once(child, 'close').then(([code, signal]) => {
      living.delete(child);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  of<T extends Said['type']>(type: T): OfType<T>[] {
    return this.said.filter((said): said is OfType<T> => said.type === type);
  }

  /** Waits until it has said something of this type, at least `count` times; fails with what it said instead. */
  async until(type: Said['type'], count = 1, timeoutMs = 60_000): Promise<void> {
    await eventually(
      () => {
        if (this.of(type).length >= count) return;
        const { exitCode, signalCode } = this.process;
        throw new Error(
          `${type} was said ${this.of(type).length} of ${count} times (${exitCode ?? signalCode ?? 'alive'})\n${this.errors}`,
        );
      },
      { timeoutMs, everyMs: 20 },
    );
  }

  /** Records that it has taken in. */
  get consumed(): number {
    return this.of('committed').reduce((sum, { consumed }) => sum + consumed, 0);
  }

  /** Its latest troubles; empty: all is well. */
  get troubles(): readonly string[] {
    return this.of('troubles').at(-1)?.troubles ?? [];
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  async kill9(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** SIGTERM; resolves with how it ended. */
  async drain(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.signal('SIGTERM');
    return this.ended;
  }
}
