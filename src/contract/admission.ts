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

export interface Admission {
  /** What the planner may count on. Reads in place of another store get half of the queue, and leave the rest to others. */
  budget(): Budget;
  /**
   * @param signal aborted: a read whose turn has not come is not made any more
   * @throws AppError POSTGRES_BUSY (retryable) when there is no room
   */
  run<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createAdmission(
  { concurrent, queued }: AdmissionLimits,
  onRefused: () => void = () => undefined,
): Admission {
  const policy = bulkhead(concurrent, queued);
  return {
    budget() {
      if (policy.executionSlots > 0) return 'FREE';
      if (policy.queueSlots === 0) return 'FULL';
      return policy.queueSlots * 2 > queued ? 'FREE' : 'NAMED_ONLY';
    },
    async run(read, signal) {
      try {
        return await policy.execute(read, signal);
      } catch (error) {
        if (!(error instanceof BulkheadRejectedError) && !(error instanceof TaskCancelledError)) throw error;
        onRefused();
        throw busy(error);
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
