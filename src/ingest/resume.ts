/** Where a result partition goes on: Postgres says it, and the log must still fit (contract.md §6). */
import { AppError } from '../errors.js';
import type { LogExtent } from '../log/port.js';
import type { Place } from './decode.js';
import type { IngestStore, StoredOffsets } from './port.js';

export interface Resumption {
  /** The offset to read from. */
  readonly from: bigint;
  /** The offset of the first record that is not consumed yet. */
  readonly next: bigint;
  /** The last consumed record, which is read again to be compared; undefined when it can't be or need not be. */
  readonly last?: { readonly offset: bigint; readonly digest: Buffer };
}

const gap = (place: Place, what: string): AppError =>
  new AppError(
    'INGEST_GAP',
    `${place.topic}/${place.partition}: ${what} The partition waits; see docs/OPERATIONS.md.`,
    { retryable: false, outcome: 'none' },
  );

/**
 * Pure: what the stored offsets and the extent of the log say together. Offsets are not counted: control and aborted
 * records use some up, so a hole is no gap. A record that was consumed and has expired since is no gap either.
 * @throws AppError INGEST_GAP
 */
export function resumption(place: Place, stored: StoredOffsets, extent: LogExtent): Resumption {
  const { next, last } = stored;
  if (extent.high < next) {
    throw gap(place, `the log ends at ${extent.high}, but ${next} records were consumed; the topic was re-created.`);
  }
  if (extent.low > next) {
    throw gap(
      place,
      `the log begins at ${extent.low}, but ${next} is next; records were deleted before they were read.`,
    );
  }
  return last === null || last.offset < extent.low ? { from: next, next } : { from: last.offset, next, last };
}

/** Reads the partition's offsets, and makes its row at the first start: a partition begins at its first record. */
export async function resume(store: IngestStore, place: Place, extent: LogExtent): Promise<Resumption> {
  const stored = await store.offsets(place, extent.low);
  try {
    return resumption(place, stored, extent);
  } catch (error) {
    await store.noteGap(place, (error as Error).message);
    throw error;
  }
}
