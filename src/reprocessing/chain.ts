/** The beginning of a partition from the raw log, if it is held without a hole (contract.md §4, raw). */
import type { RawLog, RawRecord } from '../raw/port.js';

export const PAGE = 5_000;

/**
 * Does the record follow? `before` null: it must be the very first of the partition. Control and aborted records use up
 * offsets, so only the predecessor that each record names tells a hole from none. Pure.
 */
export function follows(
  before: bigint | null,
  { offset, predecessor }: Pick<RawRecord, 'offset' | 'predecessor'>,
): boolean {
  return before === null ? offset === 0n && predecessor === null : predecessor === before && offset > before;
}

/** Pages of the raw log from its beginning. */
async function* pages(rawLog: Pick<RawLog, 'read'>, partition: number, signal: AbortSignal): AsyncGenerator<RawRecord> {
  for (let from = 0n; ;) {
    signal.throwIfAborted();
    const page = await rawLog.read(partition, from, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    from = last.offset + 1n;
  }
}

/**
 * All records below `low`; null: some are missing, or nothing shows that none is. Walked twice: nothing is given out before the
 * chain is known to reach the record with which the topic goes on.
 */
export async function head(
  rawLog: Pick<RawLog, 'read'>,
  partition: number,
  low: bigint,
  signal: AbortSignal,
): Promise<AsyncIterable<RawRecord> | null> {
  let before: bigint | null = null;
  let reached = false;
  for await (const record of pages(rawLog, partition, signal)) {
    if (!follows(before, record)) return null;
    before = record.offset;
    // Nothing lies between a record and the next offset.
    reached = record.offset + 1n >= low;
    if (reached) break;
  }
  return reached ? until(pages(rawLog, partition, signal), low) : null;
}

async function* until(records: AsyncIterable<RawRecord>, low: bigint): AsyncGenerator<RawRecord> {
  for await (const record of records) {
    if (record.offset >= low) return;
    yield record;
  }
}
