/**
 * Keeps one job running: a JobManager forgets its jobs when it ends, so whoever starts again asks for them again, from the
 * newest complete checkpoint. A job that somebody has cancelled or stopped stays so.
 */
import { randomBytes } from 'node:crypto';
import { StackError } from '../errors.js';
import { holdsWithin, pause } from '../process/wait.js';
import type { CheckpointFolder } from './checkpoints.js';
import { hasEnded, isRunning, type FlinkRest, type JobOverview } from './rest.js';

export interface KeeperOptions {
  readonly rest: FlinkRest;
  readonly checkpoints: CheckpointFolder;
  readonly jar: string;
  /** `NAME=value`, as the job takes them. */
  readonly args: readonly string[];
  readonly say: (sentence: string) => void;
}

const EVERY_MS = 500;
const TIDY_EVERY_MS = 60_000;
/** Of a submission that failed, or of a job that did: doubled each time, until one has run for so long. */
const BACKOFF = { firstMs: 500, mostMs: 30_000, calmMs: 120_000 } as const;

/** What is to be done about these jobs; a job that nobody ended is to run. Pure. */
export function decide(jobs: readonly JobOverview[]): 'submit' | 'submit-again' | 'leave' {
  if (jobs.some((job) => !hasEnded(job))) return 'leave';
  const last = [...jobs].sort((a, b) => b['end-time'] - a['end-time'])[0];
  if (last === undefined) return 'submit';
  return last.state === 'FAILED' ? 'submit-again' : 'leave';
}

export class JobKeeper {
  private readonly abort = new AbortController();
  private running: Promise<void> | null = null;
  private held = false;
  private submitted: string | null = null;
  private delayMs = BACKOFF.firstMs as number;
  private triedAt = -Infinity;
  private tidiedAt = -Infinity;
  private said = '';
  /** Of the submission that has not been answered yet. */
  private jobId: string | null = null;

  constructor(private readonly options: KeeperOptions) {}

  start(): void {
    this.running ??= this.loop();
  }

  /** Submits nothing any more; jobs stay as they are. */
  async stop(): Promise<void> {
    this.abort.abort();
    await this.running;
  }

  /** Lets somebody else submit, until `release`. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
  }

  /** @throws StackError when no job runs within the time, all its tasks included */
  async untilRunning(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { rest } = this.options;
    const limits = { timeoutMs, everyMs: 200, ...(signal && { signal }) };
    if (await holdsWithin(async () => (await rest.jobs()).some(isRunning), limits)) return;
    if (signal?.aborted)
      throw new StackError('STACK_STOPPED', 'the Flink job was not waited for: the stack is stopping.');
    const why = this.said === '' ? 'its tasks do not run' : this.said;
    throw new StackError('STACK_NOT_READY', `the Flink job does not run after ${timeoutMs / 1000} s: ${why}.`);
  }

  private async loop(): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      // A JobManager that is starting, or down, does not answer; it is supervised elsewhere.
      const jobs = this.held ? null : await this.options.rest.jobs().catch(() => null);
      if (jobs !== null) await this.look(jobs);
      await pause(EVERY_MS, signal);
    }
  }

  private async look(jobs: readonly JobOverview[]): Promise<void> {
    const now = performance.now();
    const running = jobs.find(isRunning);
    if (running !== undefined) {
      this.said = '';
      if (now - this.triedAt > BACKOFF.calmMs) this.delayMs = BACKOFF.firstMs;
      if (now - this.tidiedAt > TIDY_EVERY_MS) {
        this.tidiedAt = now;
        this.options.checkpoints.tidy(running.jid);
      }
    }
    const decision = decide(jobs);
    if (decision === 'leave') return;
    if (this.submitted !== null && decision === 'submit-again') await this.tellWhy(this.submitted);
    if (now - this.triedAt < this.delayMs) return;
    if (decision === 'submit-again') this.jobId = null;
    await this.submit();
  }

  private async submit(): Promise<void> {
    const { rest, checkpoints, jar, args } = this.options;
    const again = this.triedAt > -Infinity && performance.now() - this.triedAt < BACKOFF.calmMs;
    this.triedAt = performance.now();
    if (again) this.delayMs = Math.min(this.delayMs * 2, BACKOFF.mostMs);
    this.jobId ??= randomBytes(16).toString('hex');
    const from = checkpoints.newest()?.path ?? null;
    try {
      this.submitted = await rest.submit(jar, {
        jobId: this.jobId,
        args,
        from: from === null ? null : `file://${from}`,
      });
      this.jobId = null;
    } catch (error) {
      this.tell(`the Flink job could not be submitted: ${(error as Error).message}`);
    }
  }

  private async tellWhy(jobId: string): Promise<void> {
    const why = await this.options.rest.problem(jobId).catch(() => null);
    this.tell(`the Flink job has failed and is submitted again: ${why ?? 'it gave no reason'}`);
  }

  /** Once, however often it is tried. */
  private tell(sentence: string): void {
    if (sentence === this.said) return;
    this.said = sentence;
    this.options.say(sentence);
  }
}
