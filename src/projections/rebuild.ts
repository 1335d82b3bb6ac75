/** A read model made anew from a copy of the truth, beside the old one, then swapped (contract.md §7). */
import type { After } from '../timers.js';
import type { Applied, ReadModel, StoredResult, Truth, TruthSnapshot } from '../stores/port.js';
import { within } from './within.js';

export interface RebuildOptions {
  readonly model: ReadModel;
  readonly truth: Truth;
  /**
   * End of the CDC topic *before* the snapshot is taken: every record below it was committed earlier, so its position
   * is in the copy, and every position after the copy is at or above it.
   */
  readonly resumeOffset: bigint;
  /** Limit of one answer of the truth, milliseconds. */
  readonly truthMs: number;
  /** Throws when the rebuild is no longer wanted. Asked before each batch of rows. */
  readonly wanted: () => void;
  readonly progress: (rows: number, total: number) => void;
  readonly after?: After | undefined;
}

/** Opens a snapshot of the truth within the limit. @throws AppError TRUTH_UNAVAILABLE */
export const openSnapshot = (truth: Truth, truthMs: number, after?: After): Promise<TruthSnapshot> =>
  within(
    truth.snapshot(),
    truthMs,
    'TRUTH_UNAVAILABLE',
    'Opening a snapshot of Postgres',
    (snapshot) => {
      snapshot.close().catch(() => undefined);
    },
    after,
  );

/** @returns the applied position of the new copy, from which the log goes on */
export async function rebuild(options: RebuildOptions): Promise<Applied> {
  const { model, truth, truthMs, progress, resumeOffset, after } = options;
  const snapshot = await openSnapshot(truth, truthMs, after);
  try {
    const applied = { ...snapshot.clock, resumeOffset };
    progress(0, snapshot.total);
    await model.rebuild(bounded(snapshot, options), applied, (rows) => progress(rows, snapshot.total));
    return applied;
  } finally {
    await within(
      snapshot.close(),
      truthMs,
      'TRUTH_UNAVAILABLE',
      'Closing a snapshot of Postgres',
      undefined,
      after,
    ).catch(() => undefined);
  }
}

async function* bounded(snapshot: TruthSnapshot, options: RebuildOptions): AsyncGenerator<readonly StoredResult[]> {
  const rows = snapshot.rows[Symbol.asyncIterator]();
  for (;;) {
    options.wanted();
    const batch = await within(
      rows.next(),
      options.truthMs,
      'TRUTH_UNAVAILABLE',
      'Copying rows from Postgres',
      undefined,
      options.after,
    );
    if (batch.done === true) return;
    yield batch.value;
  }
}
