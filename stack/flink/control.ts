/** What may be done with a job that runs: by people, tests and the lab. */
import { randomBytes } from 'node:crypto';
import { StackError } from '../errors.js';
import { holdsWithin } from '../process/wait.js';
import type { CheckpointFolder } from './checkpoints.js';
import type { JobKeeper } from './keeper.js';
import { hasEnded, isRunning, type CheckpointFacts, type FlinkRest, type JobOverview } from './rest.js';

const LIMIT_MS = 180_000;

export interface JobParts {
  readonly rest: FlinkRest;
  readonly checkpoints: CheckpointFolder;
  readonly keeper: JobKeeper;
  readonly jar: string;
  readonly args: readonly string[];
}

export class JobControl {
  constructor(readonly parts: JobParts) {}

  /** The one that has not ended. */
  async job(): Promise<JobOverview | null> {
    return (await this.parts.rest.jobs()).find((job) => !hasEnded(job)) ?? null;
  }

  /** With all its tasks. */
  async isRunning(): Promise<boolean> {
    const job = await this.job().catch(() => null);
    return job !== null && isRunning(job);
  }

  /** @throws Error when no job runs */
  async facts(): Promise<CheckpointFacts> {
    const job = await this.job();
    if (job === null) throw new Error('no Flink job runs');
    return this.parts.rest.checkpoints(job.jid);
  }

  /** Waits until `more` checkpoints have completed that were not complete when it was called, of whatever job. */
  async checkpointsLater(more: number): Promise<void> {
    const id = async (): Promise<number> => (await this.facts()).latest.completed?.id ?? 0;
    let from: number | null = null;
    const enough = async (): Promise<boolean> => {
      const now = await id();
      from ??= now;
      // A job that was restored from an older one counts from there.
      if (now < from) from = now;
      return now >= from + more;
    };
    if (!(await holdsWithin(enough, { timeoutMs: LIMIT_MS, everyMs: 100 })))
      throw new StackError('STACK_NOT_READY', `no ${more} checkpoints within ${LIMIT_MS / 1000} s.`);
  }

  /** Until the next checkpoint of the running job is whole: its tasks have prepared their output, and are told next to commit it. */
  async checkpointWritten(): Promise<void> {
    const job = await this.job();
    if (job === null) throw new Error('no Flink job runs');
    const { checkpoints } = this.parts;
    const before = checkpoints.newestOf(job.jid);
    // Some milliseconds later it is committed.
    const written = { timeoutMs: LIMIT_MS, everyMs: 1 };
    if (!(await holdsWithin(() => checkpoints.newestOf(job.jid) > before, written)))
      throw new StackError('STACK_NOT_READY', `no checkpoint within ${LIMIT_MS / 1000} s.`);
  }

  /** Everything so far, in a folder that stays until somebody removes it; the job goes on. @returns where it lies */
  async savepoint(): Promise<string> {
    const job = await this.job();
    if (job === null) throw new Error('no Flink job runs');
    return this.parts.rest.savepoint(job.jid);
  }

  /**
   * Ends it, all its output committed; nothing runs then until `restartFrom`. @returns where its state lies
   * @throws Error when the JobManager did not do it, or did not say so: the job is kept running again, unless it has ended
   */
  async stopWithSavepoint(): Promise<string> {
    const job = await this.job();
    if (job === null) throw new Error('no Flink job runs');
    const { rest, keeper } = this.parts;
    keeper.hold();
    try {
      return await rest.stopWithSavepoint(job.jid);
    } catch (error) {
      // The keeper leaves a job alone that was stopped after all; one that failed, or was forgotten, nobody else begins again.
      keeper.release();
      throw error;
    }
  }

  /**
   * Ends the job that runs, if one does, and begins it again from there, whatever is newer. Returns once it runs.
   * @param changed arguments `NAME=value` that differ this time
   */
  async restartFrom(path: string, changed: readonly string[] = []): Promise<void> {
    const { rest, keeper, jar, args } = this.parts;
    keeper.hold();
    try {
      const job = await this.job();
      if (job !== null) await rest.cancel(job.jid);
      const ended = { timeoutMs: LIMIT_MS, everyMs: 100 };
      if (!(await holdsWithin(async () => (await this.job()) === null, ended)))
        throw new StackError('STACK_NOT_READY', `the Flink job did not end within ${LIMIT_MS / 1000} s.`);
      const named = (argument: string): string => argument.slice(0, argument.indexOf('='));
      const names = new Set(changed.map(named));
      const own = [...args.filter((argument) => !names.has(named(argument))), ...changed];
      await rest.submit(jar, { jobId: randomBytes(16).toString('hex'), args: own, from: path });
      await keeper.untilRunning(LIMIT_MS);
    } finally {
      keeper.release();
    }
  }
}
