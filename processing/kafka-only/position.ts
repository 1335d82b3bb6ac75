import { timeToMs } from './wire.js';
import { iso } from '../../fold/settings.js';

/**
 * What is known about everything below an offset. It travels in the metadata string of the offset commit, hence atomically
 * with the offset, and is chained from run to run: it is a function of (topic, offset), whoever commits it.
 */
export interface Before {
  /** False: events precede that no run of the chain has seen. */
  readonly complete: boolean;
  readonly maxEventTimeMs: number | null;
  /** An undecodable record below the offset could belong to windows that begin up to here. */
  readonly poisonUntilMs: number | null;
  /** Offset of the last undecodable record below: a snapshot taken after it has all the marks. */
  readonly poisonOffset: number | null;
}

export const NOTHING_BEFORE: Before = { complete: true, maxEventTimeMs: null, poisonUntilMs: null, poisonOffset: null };
export const UNKNOWN_BEFORE: Before = {
  complete: false,
  maxEventTimeMs: null,
  poisonUntilMs: null,
  poisonOffset: null,
};

const orNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

/** Well below Kafka's 4096 bytes of offset metadata. */
export function encodeBefore(before: Before): string {
  return JSON.stringify({
    v: 1,
    complete: before.complete,
    max_event_time: orNull(before.maxEventTimeMs),
    poison_until: orNull(before.poisonUntilMs),
    poison_offset: before.poisonOffset,
  });
}

/** Anything but our own metadata is "unknown": no evidence, no claim. */
export function decodeBefore(metadata: string | null): Before {
  try {
    const json = JSON.parse(metadata ?? '') as Record<string, unknown>;
    if (json['v'] !== 1 || typeof json['complete'] !== 'boolean') return UNKNOWN_BEFORE;
    const max = json['max_event_time'] === null ? null : timeToMs(json['max_event_time']);
    const poison = json['poison_until'] === null ? null : timeToMs(json['poison_until']);
    const offset = json['poison_offset'];
    if (Number.isNaN(max) || Number.isNaN(poison)) return UNKNOWN_BEFORE;
    if (offset !== null && !Number.isSafeInteger(offset)) return UNKNOWN_BEFORE;
    return {
      complete: json['complete'],
      maxEventTimeMs: max,
      poisonUntilMs: poison,
      poisonOffset: offset as number | null,
    };
  } catch {
    return UNKNOWN_BEFORE;
  }
}

export interface StartPosition {
  readonly partition: number;
  readonly startOffset: number;
  readonly logStartOffset: number;
  readonly before: Before;
}

interface Found {
  readonly partition: number;
  /** Negative: the group has never committed here. */
  readonly committed: number;
  readonly metadata: string | null;
  readonly low: number;
  readonly high: number;
}

/** Where a run begins. A commit outside the log (expired, or of an earlier topic of the same name) proves nothing. */
export function startPosition({ partition, committed, metadata, low, high }: Found): StartPosition {
  const at = (startOffset: number, before: Before): StartPosition => ({
    partition,
    startOffset,
    logStartOffset: low,
    before: startOffset === 0 ? NOTHING_BEFORE : before,
  });
  if (committed < low || committed > high) return at(low, UNKNOWN_BEFORE);
  return at(committed, decodeBefore(metadata));
}

/**
 * An order not newer than this may have been read before the run; null: any may. A run that begins at offset 0, or after
 * nothing decodable, has no such orders.
 */
export function suspectUntil({ startOffset, before }: StartPosition): number | null {
  if (startOffset === 0) return -Infinity;
  return before.complete ? (before.maxEventTimeMs ?? -Infinity) : null;
}

/**
 * `_assignment.max_event_time_before`: null only for "unknown" or offset 0. If all that precedes was undecodable or empty, the
 * smallest time the format can express says so. `marksRestored`: the lost marks themselves are known, so their bound is not needed.
 */
export function maxEventTimeBefore(start: StartPosition, marksRestored: boolean): string | null {
  const { complete, maxEventTimeMs, poisonUntilMs } = start.before;
  if (start.startOffset === 0 || !complete) return null;
  return iso(Math.max(maxEventTimeMs ?? 0, marksRestored ? 0 : (poisonUntilMs ?? 0)));
}
