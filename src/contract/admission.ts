/**
 * How much of Postgres readers may use: so many reads at once, so many waiting for their turn, and nobody else (ADR 14). A slot
 * is held until the read has really ended, not until its caller gave up: a hanging Postgres does not get more of them.
 */
import { bulkhead, BulkheadRejectedError, TaskCancelledError } from 'cockatiel';
import { AppError } from '../errors.js';
import type { Budget } from '../planner/route.js';

export interface AdmissionLimits {
  /** Reads of Postgres at once. */
  readonly concurrent: number;
  /** Reads that wait for their turn. */
  readonly queued: number;
}

/** Reads of Postgres that run, and that wait for their turn. */
export interface Usage {
  readonly running: number;
  readonly waiting: number;
}

/** Who is told how it goes: for the metrics. */
export interface AdmissionWatch {
  readonly refused: () => void;
  /** After each change. */
  readonly used: (usage: Usage) => void;
}

const NOBODY: AdmissionWatch = { refused: () => undefined, used: () => undefined };

export interface Admission {
  /** What the planner may count on. Reads in place of another store get half of the queue, and leave the rest to others. */
  budget(): Budget;
  /**
   * @param signal aborted: a read whose turn has not come is not made any more
   * @throws AppError POSTGRES_BUSY (retryable) when there is no room
   */
  run<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createAdmission({ concurrent, queued }: AdmissionLimits, watch: AdmissionWatch = NOBODY): Admission {
  const policy = bulkhead(concurrent, queued);
  const tell = (): void =>
    watch.used({ running: concurrent - policy.executionSlots, waiting: queued - policy.queueSlots });
  return {
    budget() {
      if (policy.executionSlots > 0) return 'FREE';
      if (policy.queueSlots === 0) return 'FULL';
      return policy.queueSlots * 2 > queued ? 'FREE' : 'NAMED_ONLY';
    },
    async run(read, signal) {
      try {
        const answer = policy.execute(read, signal);
        tell();
        return await answer;
      } catch (error) {
        if (!(error instanceof BulkheadRejectedError) && !(error instanceof TaskCancelledError)) throw error;
        watch.refused();
        throw busy(error);
      } finally {
        tell();
      }
    },
  };
}

const busy = (cause: unknown): AppError =>
  new AppError('POSTGRES_BUSY', 'Postgres has no room for another read, and no other store could answer. Try again.', {
    retryable: true,
    outcome: 'none',
    cause,
  });
