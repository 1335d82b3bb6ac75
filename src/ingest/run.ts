/** Ingest as a log handler: where each partition goes on, what is decoded, what is committed, what blocks. */
import { AppError, asError } from '../errors.js';
import type { LogBatch, LogExtent, LogHandler, LogRecord } from '../log/port.js';
import type { ProcessingEngine } from '../words.js';
import { commitBatch, digestOf, type Batch, type Committed, type Hook } from './commit.js';
import type { Highest } from '../position/highest.js';
import { decode, letterOf, type Decoded, type Place } from './decode.js';
import type { IngestStore } from './port.js';
import { resume, type Resumption } from './resume.js';

/** Of one batch, for display. */
export interface Timing {
  /** From the first statement to the end of the commit. */
  readonly tookMs: number;
  /** When its last record was appended, by the broker's clock. Milliseconds since the epoch. */
  readonly appendedAtMs: number;
}

export interface IngestOptions {
  readonly store: IngestStore;
  /** Shared with the heartbeat and the proof. */
  readonly highest: Highest;
  /** Result topic → the one engine that may write to it. */
  readonly engines: ReadonlyMap<string, ProcessingEngine>;
  /** Another version of it in tests of an upgrade. */
  readonly decode?: typeof decode;
  readonly hook?: Hook;
  readonly onCommitted?: (place: Place, committed: Committed, records: number, timing: Timing) => void;
  /** For the timing that is told; left out: it takes no time. Milliseconds. */
  readonly monotonicMs?: () => number;
  readonly onBlocked?: (place: Place, error: Error) => void;
}

/** SQLSTATE class 22 and 23: the data itself is refused, whoever tries again. */
const refusesData = (error: unknown): boolean => /^(22|23)/.test((error as { code?: string }).code ?? '');

export function createIngest(options: IngestOptions): LogHandler {
  const awaiting = new Map<string, Resumption>();
  /** How often each partition was started: one assignment may overtake another. */
  const starts = new Map<string, number>();
  /** Where each partition goes on, as far as this consumer knows. */
  const expected = new Map<string, bigint>();

  const placeOf = (topic: string, number: number): Place => {
    const engine = options.engines.get(topic);
    if (engine === undefined) throw new Error(`no engine is configured for ${topic}`);
    return { topic, partition: number, engine };
  };

  const idOf = ({ topic, partition }: Place): string => `${topic}/${partition}`;

  const prepare = (place: Place, records: readonly LogRecord[]): Batch => ({
    place,
    expected: expected.get(idOf(place)) ?? 0n,
    records: records.map((record, ordinal) => ({
      record,
      decoded: (options.decode ?? decode)(record, place, ordinal),
    })),
  });

  /** A record that Postgres refuses becomes a dead letter; the others of its batch are committed as they are. */
  async function commitOneByOne(place: Place, records: readonly LogRecord[]): Promise<void> {
    for (const record of records) {
      try {
        await commit(prepare(place, [record]));
      } catch (error) {
        if (!refusesData(error)) throw error;
        await commit({
          ...prepare(place, [record]),
          records: [{ record, decoded: refused(record, place, asError(error)) }],
        });
      }
    }
  }

  const nowMs = options.monotonicMs ?? (() => 0);

  async function commit(batch: Batch): Promise<void> {
    const from = nowMs();
    const committed = await commitBatch(options.store, batch, options.highest, options.hook);
    const tookMs = nowMs() - from;
    const last = batch.records.at(-1);
    if (last === undefined) return;
    expected.set(idOf(batch.place), last.record.offset + 1n);
    const timing = { tookMs, appendedAtMs: last.record.timestampMs };
    options.onCommitted?.(batch.place, committed, batch.records.length, timing);
  }

  return {
    async start(topic: string, number: number, extent: LogExtent): Promise<bigint> {
      const place = placeOf(topic, number);
      const turn = (starts.get(idOf(place)) ?? 0) + 1;
      starts.set(idOf(place), turn);
      const resumption = await resume(options.store, place, extent);
      // Answered after a later start, of which records may have been handled by now: it says nothing of them.
      if (starts.get(idOf(place)) !== turn) return resumption.from;
      awaiting.set(idOf(place), resumption);
      expected.set(idOf(place), resumption.next);
      return resumption.from;
    },

    async handle({ topic, partition: number, records }: LogBatch): Promise<void> {
      const place = placeOf(topic, number);
      const fresh = verified(awaiting.get(idOf(place)), place, records);
      awaiting.delete(idOf(place));
      if (fresh.length === 0) return;
      await options.hook?.('polled');
      const batch = prepare(place, fresh);
      try {
        await commit(batch);
      } catch (error) {
        if (!refusesData(error)) throw error;
        await commitOneByOne(place, fresh);
      }
    },

    onBlocked(topic: string, number: number, error: Error): void {
      options.onBlocked?.(placeOf(topic, number), error);
    },
  };
}

/** A record that Postgres refused. Its number counts all the same: nothing else of its run is missing. */
function refused(record: LogRecord, place: Place, error: Error): Decoded {
  const letter = letterOf(record, place, 'STORE_REFUSED', error.message);
  const decoded = decode(record, place, 0).record;
  const counts = decoded?.type === 'result' && decoded.state.businessKey === record.key && isNumber(decoded.stamp.seq);
  return { type: 'dead-letter', letter, record: counts ? { type: 'other', stamp: decoded.stamp } : null };
}

const isNumber = (seq: number | null): boolean => seq === null || Number.isSafeInteger(seq);

/** After a resume the first record must be the last one consumed, unchanged: else the topic is another or has lost records. */
function verified(
  resumption: Resumption | undefined,
  place: Place,
  records: readonly LogRecord[],
): readonly LogRecord[] {
  if (resumption?.last === undefined) return records;
  const [first, ...rest] = records;
  if (first?.offset === resumption.last.offset && digestOf(first).equals(resumption.last.digest)) return rest;
  throw new AppError(
    'INGEST_GAP',
    `${place.topic}/${place.partition}: the record at ${resumption.last.offset} is not the one that was consumed last; the topic was re-created or has lost records. The partition waits; see docs/OPERATIONS.md.`,
    { retryable: false, outcome: 'none' },
  );
}
