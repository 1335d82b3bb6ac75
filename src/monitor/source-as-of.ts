/**
 * `sourceAsOf` of an engine with checkpoints (contract.md §2): every source record appended up to this time is covered by a
 * completed checkpoint.
 *
 * KafkaSource commits its group's offsets when a checkpoint has completed. So all records below a committed offset N of a
 * partition are covered, and whatever is appended later to the partition lies at or above N. N is read first. Then the
 * newest record at or below N that the raw log holds is looked up: all records that precede it are below N, and a later one
 * is not older than it (the broker appends in the order of its clock). Records of the same millisecond may lie behind it, so
 * that one is left out. A raw log that lags holds an older record: the time is earlier, never later. A partition that has
 * nothing to go by makes all of it unknown, as for the engine without checkpoints.
 */
import type { RawLog } from '../raw/port.js';

export interface SourceReads {
  /** Partition → next offset that a completed checkpoint covers; null: none. All partitions of the source. */
  readonly committed: () => Promise<ReadonlyMap<number, bigint | null>>;
  readonly rawLog: Pick<RawLog, 'appendedAtMs'>;
}

/** ISO-8601; null: not known. */
export async function readSourceAsOf({ committed, rawLog }: SourceReads): Promise<string | null> {
  const offsets = await committed();
  const times = await Promise.all(
    [...offsets].map(async ([partition, next]) => (next === null ? null : rawLog.appendedAtMs(partition, next))),
  );
  const known = times.filter((time) => time !== null);
  return known.length === 0 || known.length < times.length ? null : new Date(Math.min(...known) - 1).toISOString();
}
