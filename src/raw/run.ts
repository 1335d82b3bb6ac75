/**
 * Source topic → raw log, straight from Kafka (contract.md §4, kind `raw`). Where to go on from is asked of the log itself,
 * so that a wiped log fills again and nothing depends on Kafka's committed offsets.
 */
import { AppError } from '../errors.js';
import type { LogBatch, LogExtent, LogHandler } from '../log/port.js';
import type { RawLog, RawRecord } from './port.js';

export interface RawOptions {
  readonly rawLog: RawLog;
  readonly onAppended?: (records: number) => void;
  readonly onBlocked?: (partition: number, error: Error) => void;
  /** A smaller batch waits until so long after the one before it: each insert is a part that ClickHouse must merge. */
  readonly paceMs?: number;
  readonly monotonicMs: () => number;
}

const SMALL_RECORDS = 1_000;
const PACE_MS = 500;

export function createRawHandler(options: RawOptions): LogHandler {
  const { rawLog, onAppended, onBlocked, paceMs = PACE_MS, monotonicMs } = options;
  /** Per partition: the record before the next one, and when the last insert was made. */
  const tails = new Map<number, { offset: bigint | null; insertedAtMs: number }>();
  let prepared = false;

  return {
    async start(topic, partition, extent) {
      if (!prepared) await rawLog.prepare();
      prepared = true;
      const last = await rawLog.lastOffset(partition);
      const from = resumeFrom(topic, partition, extent, last);
      // Below `low` records were lost to the topic's retention: the chain begins anew, visibly.
      tails.set(partition, { offset: last !== null && from === last + 1n ? last : null, insertedAtMs: -Infinity });
      return from;
    },

    async handle(batch) {
      const tail = tails.get(batch.partition);
      if (tail === undefined) throw new Error(`${batch.topic}/${batch.partition} was not started`);
      const pause = tail.insertedAtMs + paceMs - monotonicMs();
      if (batch.records.length < SMALL_RECORDS && pause > 0) await new Promise((done) => setTimeout(done, pause));
      const records = chained(batch, tail.offset);
      try {
        await rawLog.append(records);
      } catch (error) {
        // Dropped meanwhile: made again at the next start, which then reads from the beginning.
        prepared = false;
        throw error;
      }
      tails.set(batch.partition, { offset: records.at(-1)?.offset ?? tail.offset, insertedAtMs: monotonicMs() });
      onAppended?.(records.length);
    },

    onBlocked: (_topic, partition, error) => onBlocked?.(partition, error),
  };
}

/** @throws AppError RAW_TOPIC_REPLACED, which blocks the partition: two topics must not be mixed under the same offsets */
function resumeFrom(topic: string, partition: number, { low, high }: LogExtent, last: bigint | null): bigint {
  if (last === null) return low;
  const next = last + 1n;
  if (next > high) {
    throw new AppError(
      'RAW_TOPIC_REPLACED',
      `The raw log holds ${topic}/${partition} up to offset ${last}, and the topic ends at ${high}: it was made anew. Rename or drop the table of the raw log to begin another.`,
      { retryable: false, outcome: 'none' },
    );
  }
  return next < low ? low : next;
}

function chained({ partition, records }: LogBatch, before: bigint | null): RawRecord[] {
  let predecessor = before;
  return records.map(({ offset, key, value, timestampMs }) => {
    const record = { partition, offset, predecessor, key, value, appendedAtMs: timestampMs };
    predecessor = offset;
    return record;
  });
}
