/** Record + stored row + facts → the few words that the decision table speaks of. Pure. */
import { mayHaveExpired, NOTHING_EXPIRED, type Expiry } from '../position/expiry.js';
import type { ProcessingEngine } from '../words.js';
import { compareCoverage, comparePlaces, partitionsOf } from './coverage.js';
import { descendsFrom, lineageOf, relation, standingOf } from './lineage.js';
import {
  counterOf,
  type IncomingResult,
  type PipelineFacts,
  type ResultState,
  type Stamp,
  type Verification,
} from './state.js';
import { TAINTING_REASONS } from './table.js';

type Known = 'KNOWN' | 'MISSING';

export interface Observation {
  readonly engine: ProcessingEngine;
  /** UNREQUESTED: it claims to be recomputed, and no open request says so. */
  readonly arrival: 'IN_ORDER' | 'LATE' | 'REPROCESSED' | 'UNREQUESTED';
  /** FINAL: an exactly-once sink, and seen in a committed transaction. */
  readonly sink: 'FINAL' | 'OPEN';
  /**
   * KAFKA_ONLY: does the sender own the source partitions that the result covers? FLINK: is it the run that the log speaks
   * of, or in the state that this one was restored with? UNANNOUNCED: nobody said where the run began.
   */
  readonly run: 'CURRENT' | 'SUPERSEDED' | 'UNANNOUNCED';
  /** KAFKA_ONLY: could the result contain events from before the run's first offset? */
  readonly begun: 'IN_RUN' | 'MAYBE_BEFORE_RUN';
  /**
   * Where the stored row came from, seen from the record. FLINK: ANCESTOR, it is part of what the record's run was restored
   * with; OFF_LINEAGE, it was rolled back. RESET: the record's state of the key was replaced by the verified fold since.
   */
  readonly stored: 'NEW_KEY' | 'SAME_RUN' | 'OTHER_RUN' | 'ANCESTOR' | 'OFF_LINEAGE' | 'RESET' | 'VERIFIED';
  /**
   * The record's coverage against the stored row's. Where it is equal, the value decides: SAME; CLOSING and REOPENING, the
   * same but for `final`; CONFLICT.
   */
  readonly compared:
    'NONE' | 'LESS' | 'SAME' | 'CLOSING' | 'REOPENING' | 'CONFLICT' | 'GREATER' | 'INCOMPARABLE' | 'UNKNOWN';
  readonly seq: 'GAPLESS' | 'AGAIN' | 'GAP_BEFORE' | 'MISSING';
  /** FLINK: within a lineage revisions only grow. */
  readonly revision: 'FORWARD' | 'REGRESSED' | 'MISSING';
  readonly coverage: 'KNOWN' | 'MOVED' | 'MISSING';
  readonly lost: 'NONE' | 'SOME';
  /** Could an earlier result of the key have expired, and with it what was held against it? */
  readonly earlier: 'KNOWN' | 'MAYBE_EXPIRED';
  /** Something was held against the state that the record rests on, and that state was not reset since. */
  readonly tainted: 'NO' | 'YES';
  readonly lineage: Known;
  readonly epoch: Known;
  readonly delivery: Known;
  readonly digest: Known;
  readonly interval: Known;
}

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

/** Emitted by the engine, not by who recomputes, or says so. */
export const byEngine = (arrival: IncomingResult['arrival']): boolean => arrival === 'IN_ORDER' || arrival === 'LATE';

/** Was it emitted from a state that was replaced by the newest verified fold of the key? Nothing older is held against that. */
export const isReset = ({ resetBy }: IncomingResult, stored: ResultState | null): boolean =>
  resetBy !== null && stored?.verification === resetBy;

function observeRun({ stamp, state, arrival }: IncomingResult, facts: PipelineFacts): Observation['run'] {
  if (!byEngine(arrival)) return 'CURRENT';
  if (stamp.engine === 'FLINK') {
    const standing = standingOf(facts, stamp);
    if (standing === 'SUPERSEDED') return 'SUPERSEDED';
    return standing === 'UNKNOWN' || facts.current?.announced !== true ? 'UNANNOUNCED' : 'CURRENT';
  }
  const owners = partitionsOf(state.coverage).map((p) => facts.assignments[p]?.run);
  if (owners.some((owner) => owner !== undefined && owner !== stamp.run)) return 'SUPERSEDED';
  return owners.includes(undefined) ? 'UNANNOUNCED' : 'CURRENT';
}

/**
 * A result may have begun before its run iff it can hold an event not newer than the newest event before the run's
 * first offset. Nothing precedes offset 0; an unknown maximum precedes everything.
 */
function observeBegun(record: IncomingResult, row: ResultState | null, facts: PipelineFacts): Observation['begun'] {
  const { stamp, state, begins } = record;
  if (stamp.engine === 'FLINK' || isReset(record, row)) return 'IN_RUN';
  const precedes = (partition: string): boolean => {
    const assignment = facts.assignments[partition];
    if (assignment === undefined || assignment.startOffset === 0) return false;
    if (assignment.maxEventTimeBefore === null || begins === null) return true;
    return Date.parse(begins) <= Date.parse(assignment.maxEventTimeBefore);
  };
  return partitionsOf(state.coverage).some(precedes) ? 'MAYBE_BEFORE_RUN' : 'IN_RUN';
}

/** FLINK: an absence that something is held against is no result of any lineage. */
const isAbsence = (row: ResultState): boolean => row.resultOffset < 0 && row.coverage === null;

/** Nothing is held against the state that it was emitted from. */
const isTrusted = ({ reasons }: ResultState): boolean => !reasons.some((reason) => TAINTING_REASONS.has(reason));

/**
 * Was the stored row emitted from the state that was reset? Then it is compared as any other of its run. It was not if something
 * is held against that state, or (KAFKA_ONLY, whose new runs begin from a snapshot) another run emitted it.
 */
const isFromReset = (stored: ResultState, stamp: Stamp): boolean =>
  isTrusted(stored) && (stamp.engine === 'FLINK' || stored.run === stamp.run);

function observeStored(
  record: IncomingResult,
  stored: ResultState | null,
  facts: PipelineFacts,
): Observation['stored'] {
  const { stamp } = record;
  if (stored === null) return 'NEW_KEY';
  if (stored.verified) return 'VERIFIED';
  if (isReset(record, stored) && !isFromReset(stored, stamp)) return 'RESET';
  if (stamp.engine === 'FLINK') return isAbsence(stored) ? 'NEW_KEY' : relation(stamp, stored, facts);
  return stored.run === stamp.run ? 'SAME_RUN' : 'OTHER_RUN';
}

/** Has it read all that the stored row covers, and all that it was asked to read? */
function reaches({ upTo, mustReach }: Verification, row: ResultState | null): boolean {
  const covered = Object.entries(row?.coverage ?? {}).map(([partition, [, offset]]) => ({ partition, offset }));
  return [...covered, ...mustReach].every(({ partition, offset }) => offset < (upTo[partition] ?? 0));
}

/** More offsets without more events in them: what one of the two folds, the other one never saw. */
function lacks({ state, newestOnly }: IncomingResult, row: ResultState, stored: Observation['stored']): boolean {
  const [now, before] = [state.events, row.events];
  if (newestOnly === true) return false;
  if (stored === 'VERIFIED') return now !== null && before !== null && now < before;
  // Where neither is known nothing speaks against it.
  return stored === 'OFF_LINEAGE' && (now !== null || before !== null) && (now ?? 0) <= (before ?? 0);
}

function observeCompared(
  record: IncomingResult,
  row: ResultState | null,
  stored: Observation['stored'],
): Observation['compared'] {
  const { state, stamp, verification } = record;
  if (verification !== null && !reaches(verification, row)) return 'LESS';
  if (row === null || (stamp.engine === 'FLINK' && isAbsence(row))) return 'NONE';
  // A recomputation folds the key from the beginning, whichever offsets of it the engine has folded.
  if (verification !== null) return state.coverage === null ? 'UNKNOWN' : 'GREATER';
  const compare = record.newestOnly === true ? comparePlaces : compareCoverage;
  const compared = compare(state.coverage, row.coverage);
  if (compared === 'GREATER' && lacks(record, row, stored)) return 'INCOMPARABLE';
  if (compared !== 'EQUAL') return compared;
  const equal =
    row.deleted === state.deleted &&
    row.digest === state.digest &&
    sameValue(row.calculatedValue, state.calculatedValue);
  if (!equal) return 'CONFLICT';
  // The closing emission repeats the value and adds that it is final: that is news.
  return row.final === state.final ? 'SAME' : state.final ? 'CLOSING' : 'REOPENING';
}

/** Output that was lost before the fold was verified is not missing from what goes on from the fold. */
const isBehindLosses = (record: IncomingResult, row: ResultState | null, { lossOffset }: PipelineFacts): boolean =>
  row !== null && isReset(record, row) && isTrusted(row) && lossOffset !== null && row.resultOffset > lossOffset;

function observeSeq(record: IncomingResult, row: ResultState | null, facts: PipelineFacts): Observation['seq'] {
  const { stamp, arrival, redelivered } = record;
  if (!byEngine(arrival)) return 'GAPLESS';
  if (!redelivered && stamp.seq !== null && isBehindLosses(record, row, facts)) return 'GAPLESS';
  if (stamp.engine === 'FLINK') {
    if (redelivered) return 'AGAIN';
    if (descendsFrom(facts.losses, stamp.run, lineageOf(facts, stamp))) return 'GAP_BEFORE';
    return stamp.seq === null ? 'MISSING' : 'GAPLESS';
  }
  if (stamp.seq === null) return 'MISSING';
  const gap = facts.gaps[counterOf(stamp)];
  return gap !== undefined && stamp.seq >= gap ? 'GAP_BEFORE' : 'GAPLESS';
}

/** Only what the record's own lineage emitted counts: after a rollback revisions are counted anew from the checkpoint. */
function observeRevision(
  { state }: IncomingResult,
  row: ResultState | null,
  seen: Pick<Observation, 'stored' | 'compared'>,
): Observation['revision'] {
  if (state.revision === 0) return 'MISSING';
  if (row === null || (seen.stored !== 'SAME_RUN' && seen.stored !== 'ANCESTOR')) return 'FORWARD';
  const again = seen.compared === 'SAME' || seen.compared === 'REOPENING';
  return !again && state.revision <= row.revision ? 'REGRESSED' : 'FORWARD';
}

function observeCoverage(record: IncomingResult, stored: ResultState | null): Observation['coverage'] {
  const now = partitionsOf(record.state.coverage);
  if (now.length === 0) return 'MISSING';
  const before = stored === null ? now : partitionsOf(stored.coverage);
  return now.length > 1 || (before.length > 0 && before.join() !== now.join()) ? 'MOVED' : 'KNOWN';
}

/** What was held against the record's run, or one that it was restored through, in this key. */
export function taintsOf(record: IncomingResult, stored: ResultState | null, facts: PipelineFacts): string[] {
  const { stamp, arrival } = record;
  if (stored === null || !byEngine(arrival) || isReset(record, stored)) return [];
  const held = Object.entries(stored.taints).filter(([run]) => descendsFrom([run], stamp.run, lineageOf(facts, stamp)));
  return held.flatMap(([, reasons]) => reasons);
}

const observeEarlier = (
  record: IncomingResult,
  stored: ResultState | null,
  expiry: Pick<Expiry, 'kinds'>,
): Observation['earlier'] =>
  stored === null && mayHaveExpired(expiry, record.state, record.begins) ? 'MAYBE_EXPIRED' : 'KNOWN';

const known = (value: unknown): Known => (value === null ? 'MISSING' : 'KNOWN');

/** @param facts those of the record's pipeline and result partition, its own sequence number already taken in */
export function observe(
  record: IncomingResult,
  stored: ResultState | null,
  facts: PipelineFacts,
  expiry: Pick<Expiry, 'kinds'> = NOTHING_EXPIRED,
): Observation {
  const { stamp } = record;
  const from = observeStored(record, stored, facts);
  const seen = { stored: from, compared: observeCompared(record, stored, from) };
  return {
    engine: record.state.engine,
    arrival: record.arrival,
    sink: stamp.delivery === 'EXACTLY_ONCE' && stamp.transactional ? 'FINAL' : 'OPEN',
    run: observeRun(record, facts),
    begun: observeBegun(record, stored, facts),
    ...seen,
    seq: observeSeq(record, stored, facts),
    revision: observeRevision(record, stored, seen),
    coverage: observeCoverage(record, stored),
    lost: record.lost ? 'SOME' : 'NONE',
    earlier: observeEarlier(record, stored, expiry),
    tainted: taintsOf(record, stored, facts).length > 0 ? 'YES' : 'NO',
    lineage: known(stamp.lineage),
    epoch: known(stamp.epoch),
    delivery: known(stamp.delivery),
    digest: known(record.state.digest),
    interval: known(stamp.intervalMs),
  };
}
