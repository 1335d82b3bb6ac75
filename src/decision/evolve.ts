/** Facts of a pipeline + one record → the facts after it. Pure. */
import type { Micros } from '../position/position.js';
import { counterOf, type Incoming, type PipelineFacts, type Stamp } from './state.js';

/** Runs are remembered while they own a partition, and this many more: enough to refuse and to number stragglers. */
const RUNS_KEPT = 16;

/** Forgets the oldest counters and heartbeats of runs that own nothing. Objects keep insertion order. */
function prune<T>(byRun: Readonly<Record<string, T>>, facts: Pick<PipelineFacts, 'assignments'>): Record<string, T> {
  const owners = new Set(Object.values(facts.assignments).map((assignment) => assignment.run));
  const entries = Object.entries(byRun);
  // A key is a run, or `<run>/<subtask>`; a run's own name may hold slashes.
  const owned = (key: string): boolean => owners.has(key) || owners.has(key.slice(0, key.lastIndexOf('/')));
  const surplus = entries.filter(([key]) => !owned(key)).slice(0, -RUNS_KEPT);
  const gone = new Set(surplus.map(([key]) => key));
  return Object.fromEntries(entries.filter(([key]) => !gone.has(key)));
}

/**
 * Takes in the record's sequence number. A run numbers from 1 without holes; a jump means that output was lost: it taints
 * what the run emits after it (observe.ts) and, when read, what it left open before it (contract.md §3, OUTPUT_GAP).
 */
function countIn(facts: PipelineFacts, stamp: Stamp): PipelineFacts {
  if (stamp.seq === null) return facts;
  const counter = counterOf(stamp);
  const last = facts.lastSeq[counter] ?? 0;
  const lastSeq = { ...facts.lastSeq, [counter]: Math.max(last, stamp.seq) };
  if (stamp.seq <= last + 1) return { ...facts, lastSeq };
  return {
    ...facts,
    lastSeq,
    gaps: { ...facts.gaps, [counter]: Math.min(facts.gaps[counter] ?? Infinity, stamp.seq) },
  };
}

/**
 * Rows that are already stored are not touched here: an open result of a run that no longer owns its source partition, or
 * that lost output, is lowered when it is read (contract/assess.ts). A restart would else rewrite every open row at once.
 * @param at commit time of the transaction that takes the record in, or an earlier reading of the same clock
 */
export function evolve(before: PipelineFacts, record: Incoming, at: Micros): PipelineFacts {
  const facts = countIn(before, record.stamp);
  switch (record.type) {
    case 'assignment': {
      const { run } = record.stamp;
      const { startOffset, maxEventTimeBefore } = record;
      const assignments = { ...facts.assignments, [record.sourcePartition]: { run, startOffset, maxEventTimeBefore } };
      const owners = { assignments };
      return {
        assignments,
        lastSeq: prune(facts.lastSeq, owners),
        gaps: prune(facts.gaps, owners),
        // A run that takes over is alive: its first heartbeat is on the way.
        heartbeats: prune({ ...facts.heartbeats, [run]: { at, state: 'RUNNING', sources: {} } }, owners),
      };
    }
    case 'heartbeat': {
      const { state, sources } = record;
      return { ...facts, heartbeats: { ...facts.heartbeats, [record.stamp.run]: { at, state, sources } } };
    }
    default:
      return facts;
  }
}
