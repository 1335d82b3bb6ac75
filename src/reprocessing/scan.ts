/** Reads partitions of the source from their beginning to where they end now (ADR 13). */
import { AppError } from '../errors.js';
import type { LogConsumer, LogExtent, LogHandler } from '../log/port.js';
import type { SourceRecord } from '../../fold/settings.js';
import type { RawLog } from '../raw/port.js';
import { head } from './chain.js';

export interface ScanOptions {
  /** A consumer of all partitions of the topic, as the only member of its group. */
  readonly consumer: LogConsumer;
  readonly partitions: ReadonlySet<number>;
  /** Nothing more of the partition comes until what it returns has resolved. */
  readonly take: (partition: number, record: SourceRecord) => void | Promise<void>;
  /** What lies below the log start. */
  readonly rawLog: Pick<RawLog, 'read'>;
  /**
   * Without a record for so long nothing is left before the end of a partition but control records, which are never delivered;
   * far from its end it takes `STALL` times as long until what came is taken for all that comes now.
   */
  readonly idleMs: number;
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly monotonicMs: () => number;
}

/** How far a partition was read, from offset 0, and where it ended when that began; or that its beginning is gone. */
export type Scanned = { readonly upTo: number; readonly end: number } | { readonly expired: string };

/** Offsets that control records may use up at the end of a partition, and how much longer anything more is waited for. */
const CONTROL_TAIL = 16;
const STALL = 10;

/** What is not found in it is not there: nothing was left to be read but, perhaps, control records. */
export const isRead = (scanned: Scanned): boolean => 'upTo' in scanned && scanned.end - scanned.upTo <= CONTROL_TAIL;

interface Reading {
  readonly extent: LogExtent;
  next: bigint;
}

const scannedOf = ({ extent, next }: Reading): Scanned => ({ upTo: Number(next), end: Number(extent.high) });

const LOOK_EVERY_MS = 100;

const timedOut = (limitMs: number): AppError =>
  new AppError('REPROCESSING_TIMEOUT', `The source could not be read in ${limitMs} ms. It is tried again.`, {
    retryable: true,
    outcome: 'none',
  });

/**
 * Resolves when every partition was read to the end that it had when its reading began, or as far as records came.
 * @throws AppError REPROCESSING_TIMEOUT (retryable), or the signal's reason
 */
export async function scan(options: ScanOptions): Promise<ReadonlyMap<number, Scanned>> {
  const { consumer, partitions, signal, monotonicMs } = options;
  const readings = new Map<number, Reading>();
  const done = new Map<number, Scanned>();
  const begunMs = monotonicMs();
  let heardMs = begunMs;
  const handler: LogHandler = {
    async start(_topic, partition, extent) {
      if (!partitions.has(partition) || done.has(partition)) return extent.high;
      const known = readings.get(partition);
      // Started anew after a fault: it goes on where it was, if that is still there.
      if (known !== undefined && extent.low <= known.next) return known.next;
      if (known !== undefined || (extent.low > 0n && !(await below(options, partition, extent.low)))) {
        done.set(partition, { expired: `its log begins at offset ${extent.low}` });
        return extent.high;
      }
      readings.set(partition, { extent, next: extent.low });
      if (extent.low === extent.high) done.set(partition, scannedOf({ extent, next: extent.high }));
      heardMs = monotonicMs();
      return extent.low;
    },
    async handle({ partition, records }) {
      const reading = readings.get(partition);
      if (reading === undefined || done.has(partition)) return;
      for (const { offset, key, value, timestampMs } of records) {
        if (offset < reading.next) continue;
        const taking = options.take(partition, { offset: Number(offset), key, value, appendTimeMs: timestampMs });
        if (taking !== undefined) await taking;
        reading.next = offset + 1n;
      }
      heardMs = monotonicMs();
      if (reading.next >= reading.extent.high) done.set(partition, scannedOf(reading));
    },
  };
  void consumer.run(handler).catch(() => undefined);
  try {
    while (done.size < partitions.size) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      const nowMs = monotonicMs();
      if (nowMs - begunMs > options.limitMs) throw timedOut(options.limitMs);
      // What came is what there was up to there, without a hole: it is claimed up to the last record.
      const read = [...readings].filter(([partition]) => !done.has(partition));
      if (read.length + done.size < partitions.size) continue;
      for (const [partition, reading] of read) {
        const seen = scannedOf(reading);
        if (nowMs - heardMs > options.idleMs * (isRead(seen) ? 1 : STALL)) done.set(partition, seen);
      }
    }
    return done;
  } finally {
    await consumer.stop();
  }
}

/** Takes what retention removed from the topic out of the raw log. @returns false: it is not all there */
async function below({ rawLog, take, signal }: ScanOptions, partition: number, low: bigint): Promise<boolean> {
  const records = await head(rawLog, partition, low, signal);
  if (records === null) return false;
  for await (const record of records) {
    await take(partition, {
      offset: Number(record.offset),
      key: record.key,
      value: record.value,
      appendTimeMs: record.appendedAtMs,
    });
  }
  return true;
}
