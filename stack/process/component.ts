import { spawn, type ChildProcess } from 'node:child_process';
import { StackError } from '../errors.js';
import { COMPONENT_VARIABLE } from './identify.js';
import { openLog } from './logs.js';
import { pause } from './wait.js';

export const COMPONENT_NAMES = [
  'postgres',
  'mongodb',
  'elasticsearch',
  'clickhouse',
  'kafka',
  'connect',
  'jobmanager',
  'taskmanager',
  'processor',
  'generator',
  'server',
] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];

/** How one program is started, known to be ready, and ended. */
export interface ComponentSpec {
  readonly name: ComponentName;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly log: string;
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  readonly stopTimeoutMs: number;
  readonly readyTimeoutMs: number;
  /** Bounded in itself; throwing means "not yet". */
  readonly isReady: () => Promise<boolean>;
  readonly beforeSpawn?: () => void;
}

/** Bounded exponential backoff; a life shorter than `quickMs` counts towards giving up. */
export const SUPERVISION = { firstDelayMs: 250, maxDelayMs: 15_000, quickMs: 20_000, maxQuickFailures: 5 } as const;

/** One supervised program in a process group of its own. It is restarted when it ends although it is wanted. */
export class Component {
  private child: ChildProcess | undefined;
  private wanted = false;
  private quickFailures = 0;
  private failure: StackError | undefined;
  private restartTimer: NodeJS.Timeout | undefined;

  constructor(
    readonly spec: ComponentSpec,
    private readonly report: (sentence: string) => void,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isAlive(): boolean {
    return this.child !== undefined;
  }

  /** Starts the program and waits until it answers. */
  async start(signal?: AbortSignal): Promise<void> {
    this.wanted = true;
    this.failure = undefined;
    this.quickFailures = 0;
    if (this.child === undefined) this.spawn();
    await this.untilReady(signal);
  }

  async untilReady(signal?: AbortSignal): Promise<void> {
    const { name, readyTimeoutMs, log } = this.spec;
    const end = performance.now() + readyTimeoutMs;
    while (performance.now() < end) {
      if (this.failure !== undefined) throw this.failure;
      if (signal?.aborted || !this.wanted)
        throw new StackError('STACK_STOPPED', `${name} was stopped before it was ready.`);
      if (this.child !== undefined && (await this.spec.isReady().catch(() => false))) return;
      await pause(100, signal);
    }
    throw new StackError('STACK_NOT_READY', `${name} was not ready after ${readyTimeoutMs / 1000} s: see ${log}.`);
  }

  /** Ends it with its own signal, and with SIGKILL when its time is over. */
  async stop(): Promise<void> {
    this.wanted = false;
    clearTimeout(this.restartTimer);
    const child = this.child;
    if (child === undefined) return;
    child.kill(this.spec.stopSignal);
    // A paused process takes no signal until it goes on.
    this.sigcont();
    if (!(await this.endsWithin(child, this.spec.stopTimeoutMs))) {
      this.report(`${this.spec.name} did not end within ${this.spec.stopTimeoutMs / 1000} s and was killed.`);
      await this.kill9();
    }
  }

  /** kill -9 of its whole process group; it stays down until it is started again. */
  async kill9(): Promise<void> {
    this.wanted = false;
    clearTimeout(this.restartTimer);
    await this.crash();
  }

  /** kill -9 under supervision: it comes back by itself. */
  async crash(): Promise<void> {
    const child = this.child;
    if (child === undefined) return;
    this.signalGroup('SIGKILL');
    await this.endsWithin(child, 10_000);
  }

  async restart(signal?: AbortSignal): Promise<void> {
    await this.stop();
    await this.start(signal);
  }

  sigstop(): void {
    this.signalGroup('SIGSTOP');
  }

  sigcont(): void {
    this.signalGroup('SIGCONT');
  }

  private spawn(): void {
    const { name, command, args, env, cwd, user, log } = this.spec;
    this.spec.beforeSpawn?.();
    const file = openLog(log);
    const born = performance.now();
    const child = spawn(command, args, {
      cwd,
      env: { ...env, [COMPONENT_VARIABLE]: name },
      stdio: ['ignore', file.fd, file.fd],
      // Its own process group: Ctrl-C in the terminal reaches the launcher alone, which ends the rest in order.
      detached: true,
      ...user,
    });
    file.close();
    this.child = child;
    child.once('error', (error) => this.ended(child, born, error.message));
    child.once('exit', (code, signal) => this.ended(child, born, signal ?? `code ${code}`));
  }

  private ended(child: ChildProcess, born: number, how: string): void {
    if (this.child !== child) return;
    this.child = undefined;
    if (!this.wanted) return;
    const { name, log } = this.spec;
    this.quickFailures = performance.now() - born < SUPERVISION.quickMs ? this.quickFailures + 1 : 1;
    if (this.quickFailures >= SUPERVISION.maxQuickFailures) {
      this.wanted = false;
      this.failure = new StackError(
        'STACK_COMPONENT_FAILED',
        `${name} ended ${this.quickFailures} times in a row (${how}) and was given up: see ${log}.`,
      );
      this.report(`${this.failure.code}: ${this.failure.message}`);
      return;
    }
    const delayMs = Math.min(SUPERVISION.firstDelayMs * 2 ** (this.quickFailures - 1), SUPERVISION.maxDelayMs);
    this.report(`${name} ended (${how}); it is started again in ${delayMs} ms. Its log: ${log}`);
    this.restartTimer = setTimeout(() => {
      if (this.wanted && this.child === undefined) this.spawn();
    }, delayMs);
  }

  private signalGroup(signal: NodeJS.Signals): void {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Already gone.
    }
  }

  private endsWithin(child: ChildProcess, timeoutMs: number): Promise<boolean> {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
