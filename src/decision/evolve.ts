/** Facts of a pipeline + one record → the facts after it, and what the record holds against rows already stored. Pure. */
import type { Micros } from '../position/position.js';
import type { ReasonCode } from '../words.js';
import { counterOf, type Incoming, type PipelineFacts, type ResultState, type Stamp } from './state.js';

/** Rows of the same pipeline and result partition that a record lowers: never final ones. */
export interface OpenRows {
  readonly reason: ReasonCode;
  readonly concerns: (row: ResultState) => boolean;
}

export interface Evolved {
  readonly facts: PipelineFacts;
  readonly lowers: readonly OpenRows[];
}

/** Runs are remembered while they own a partition, and this many more: enough to refuse and to number stragglers. */
const RUNS_KEPT = 16;

/** Forgets the oldest counters and heartbeats of runs that own nothing. Objects keep insertion order. */
function prune<T>(byRun: Readonly<Record<string, T>>, facts: Pick<PipelineFacts, 'assignments'>): Record<string, T> {
  const owners = new Set(Object.values(facts.assignments).map((assignment) => assignment.run));
  const entries = Object.entries(byRun);
  const surplus = entries.filter(([key]) => !owners.has(key.split('/')[0] ?? '')).slice(0, -RUNS_KEPT);
  const gone = new Set(surplus.map(([key]) => key));
  return Object.fromEntries(entries.filter(([key]) => !gone.has(key)));
}

/**
 * Takes in the record's sequence number. A run numbers from 1 without holes; a jump means that output was lost: it taints
 * what the run emits after it and what it left open before it (contract.md §3, OUTPUT_GAP).
 */
function countIn(facts: PipelineFacts, stamp: Stamp): Evolved {
  if (stamp.seq === null) return { facts, lowers: [] };
  const counter = counterOf(stamp);
  const last = facts.lastSeq[counter] ?? 0;
  const lastSeq = { ...facts.lastSeq, [counter]: Math.max(last, stamp.seq) };
  if (stamp.seq <= last + 1) return { facts: { ...facts, lastSeq }, lowers: [] };
  const gaps = { ...facts.gaps, [counter]: Math.min(facts.gaps[counter] ?? Infinity, stamp.seq) };
  return {
    facts: { ...facts, lastSeq, gaps },
    lowers: [{ reason: 'VIOLATION_OUTPUT_GAP', concerns: (row) => row.run === stamp.run }],
  };
}

/** @param at commit time of the transaction that takes the record in, or an earlier reading of the same clock */
export function evolve(before: PipelineFacts, record: Incoming, at: Micros): Evolved {
  const counted = countIn(before, record.stamp);
  const facts = counted.facts;
  switch (record.type) {
    case 'assignment': {
      const { run } = record.stamp;
      const p = record.sourcePartition;
      const { startOffset, maxEventTimeBefore } = record;
      const assignments = { ...facts.assignments, [p]: { run, startOffset, maxEventTimeBefore } };
      const pruned = { assignments };
      return {
        facts: {
          assignments,
          lastSeq: prune(facts.lastSeq, pruned),
          gaps: prune(facts.gaps, pruned),
          // A run that takes over is alive: its first heartbeat is on the way.
          heartbeats: prune({ ...facts.heartbeats, [run]: { at, state: 'RUNNING', sources: {} } }, pruned),
        },
        lowers: [
          ...counted.lowers,
          {
            reason: 'RESTART_DUPLICATION',
            concerns: (row) => row.run !== run && (row.coverage === null || Object.hasOwn(row.coverage, p)),
          },
        ],
      };
    }
    case 'heartbeat': {
      const { state, sources } = record;
      return {
        facts: { ...facts, heartbeats: { ...facts.heartbeats, [record.stamp.run]: { at, state, sources } } },
        lowers: counted.lowers,
      };
    }
    default:
      return counted;
  }
}
