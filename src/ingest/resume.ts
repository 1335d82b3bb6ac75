/** Where a result partition goes on: Postgres says it, and the log must still fit (contract.md §6). */
import type { Pool } from 'pg';
import { AppError } from '../errors.js';
import type { LogExtent } from '../log/port.js';
import type { Place } from './decode.js';

export interface Resumption {
  /** The offset to read from. */
  readonly from: bigint;
  /** The offset of the first record that is not consumed yet. */
  readonly next: bigint;
  /** The last consumed record, which is read again to be compared; undefined when it can't be or need not be. */
  readonly last?: { readonly offset: bigint; readonly digest: Buffer };
}

interface OffsetRow {
  next_offset: string;
  last_offset: string | null;
  last_digest: Buffer | null;
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
export function resumption(
  place: Place,
  stored: { next: bigint; last: { offset: bigint; digest: Buffer } | null },
  extent: LogExtent,
): Resumption {
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
export async function resume(pool: Pool, place: Place, extent: LogExtent): Promise<Resumption> {
  await pool.query(
    `insert into ingest_offsets (topic, partition, next_offset) values ($1, $2, $3) on conflict do nothing`,
    [place.topic, place.partition, extent.low],
  );
  const { rows } = await pool.query<OffsetRow>(
    `select next_offset, last_offset, last_digest from ingest_offsets where topic = $1 and partition = $2`,
    [place.topic, place.partition],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`${place.topic}/${place.partition}: ingest_offsets lost its row`);
  const last =
    row.last_offset === null || row.last_digest === null
      ? null
      : { offset: BigInt(row.last_offset), digest: row.last_digest };
  try {
    return resumption(place, { next: BigInt(row.next_offset), last }, extent);
  } catch (error) {
    await pool.query(`update ingest_offsets set gap = $3 where topic = $1 and partition = $2`, [
      place.topic,
      place.partition,
      (error as Error).message,
    ]);
    throw error;
  }
}
