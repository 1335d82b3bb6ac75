/** Record + stored row + facts → the few words that the decision table speaks of. Pure. */
import { mayHaveExpired, NOTHING_EXPIRED, type Expiry } from '../position/expiry.js';
import type { ProcessingEngine } from '../words.js';
import { counterOf, type Coverage, type IncomingResult, type PipelineFacts, type ResultState } from './state.js';

export interface Observation {
  readonly engine: ProcessingEngine;
  readonly arrival: 'IN_ORDER' | 'LATE' | 'REPROCESSED';
  /** Does the sender own the source partitions that the result covers? */
  readonly run: 'CURRENT' | 'SUPERSEDED' | 'UNASSIGNED';
  /** Could the result contain events from before the run's first offset? */
  readonly begun: 'IN_RUN' | 'MAYBE_BEFORE_RUN';
  readonly touched: 'NEW_KEY' | 'SAME_RUN' | 'OTHER_RUN';
  /** Against the stored row of the same run and coverage. */
  readonly repeat: 'NONE' | 'EQUAL' | 'CONFLICT';
  readonly seq: 'GAPLESS' | 'GAP_BEFORE' | 'MISSING';
  readonly coverage: 'KNOWN' | 'MOVED' | 'MISSING';
  readonly lost: 'NONE' | 'SOME';
  /** Could an earlier result of the key have expired, and with it what was held against it? */
  readonly earlier: 'KNOWN' | 'MAYBE_EXPIRED';
}

const partitionsOf = (coverage: Coverage | null): string[] => (coverage === null ? [] : Object.keys(coverage).sort());

const sameCoverage = (a: Coverage | null, b: Coverage | null): boolean =>
  a !== null &&
  b !== null &&
  partitionsOf(a).join() === partitionsOf(b).join() &&
  partitionsOf(a).every((p) => a[p]?.[0] === b[p]?.[0] && a[p]?.[1] === b[p]?.[1]);

/** Key order does not matter: two engines may spell one value differently. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) && sameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

function observeRun(record: IncomingResult, facts: PipelineFacts): Observation['run'] {
  const owners = partitionsOf(record.state.coverage).map((p) => facts.assignments[p]?.run);
  if (owners.some((owner) => owner !== undefined && owner !== record.stamp.run)) return 'SUPERSEDED';
  return owners.includes(undefined) ? 'UNASSIGNED' : 'CURRENT';
}

/**
 * A result may have begun before its run iff it can hold an event not newer than the newest event before the run's
 * first offset. Nothing precedes offset 0; an unknown maximum precedes everything.
 */
function observeBegun(record: IncomingResult, facts: PipelineFacts): Observation['begun'] {
  const precedes = (partition: string): boolean => {
    const assignment = facts.assignments[partition];
    if (assignment === undefined || assignment.startOffset === 0) return false;
    if (assignment.maxEventTimeBefore === null || record.begins === null) return true;
    return Date.parse(record.begins) <= Date.parse(assignment.maxEventTimeBefore);
  };
  return partitionsOf(record.state.coverage).some(precedes) ? 'MAYBE_BEFORE_RUN' : 'IN_RUN';
}

function observeRepeat(record: IncomingResult, stored: ResultState | null): Observation['repeat'] {
  if (stored === null || stored.run !== record.stamp.run) return 'NONE';
  if (!sameCoverage(stored.coverage, record.state.coverage)) return 'NONE';
  const equal =
    stored.deleted === record.state.deleted &&
    stored.digest === record.state.digest &&
    sameValue(stored.calculatedValue, record.state.calculatedValue);
  if (!equal) return 'CONFLICT';
  // The closing emission repeats the value and adds that it is final: that is news.
  return stored.final === record.state.final ? 'EQUAL' : 'NONE';
}

function observeSeq(record: IncomingResult, facts: PipelineFacts): Observation['seq'] {
  if (record.stamp.seq === null) return 'MISSING';
  const gap = facts.gaps[counterOf(record.stamp)];
  return gap !== undefined && record.stamp.seq >= gap ? 'GAP_BEFORE' : 'GAPLESS';
}

function observeCoverage(record: IncomingResult, stored: ResultState | null): Observation['coverage'] {
  const now = partitionsOf(record.state.coverage);
  if (now.length === 0) return 'MISSING';
  const before = stored === null ? now : partitionsOf(stored.coverage);
  return now.length > 1 || (before.length > 0 && before.join() !== now.join()) ? 'MOVED' : 'KNOWN';
}

const observeEarlier = (
  record: IncomingResult,
  stored: ResultState | null,
  expiry: Pick<Expiry, 'kinds'>,
): Observation['earlier'] =>
  stored === null && mayHaveExpired(expiry, record.state, record.begins) ? 'MAYBE_EXPIRED' : 'KNOWN';

/** @param facts those of the record's pipeline and result partition, its own sequence number already taken in */
export function observe(
  record: IncomingResult,
  stored: ResultState | null,
  facts: PipelineFacts,
  expiry: Pick<Expiry, 'kinds'> = NOTHING_EXPIRED,
): Observation {
  return {
    engine: record.state.engine,
    arrival: record.arrival,
    run: observeRun(record, facts),
    begun: observeBegun(record, facts),
    touched: stored === null ? 'NEW_KEY' : stored.run === record.stamp.run ? 'SAME_RUN' : 'OTHER_RUN',
    repeat: observeRepeat(record, stored),
    seq: observeSeq(record, facts),
    coverage: observeCoverage(record, stored),
    lost: record.lost ? 'SOME' : 'NONE',
    earlier: observeEarlier(record, stored, expiry),
  };
}
