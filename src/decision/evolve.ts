/** Facts of a pipeline + one record → the facts after it. Pure. */
import type { Micros } from '../position/position.js';
import { evolveFlink } from './evolve-flink.js';
import { byEngine } from './observe.js';
import { prune } from './prune.js';
import { counterOf, type Incoming, type PipelineFacts, type Stamp } from './state.js';

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
    lossOffset: stamp.offset,
  };
}

/**
 * Rows that are already stored are not touched here: an open result of a run that no longer owns its source partition, or
 * that lost output, is lowered when it is read (contract/assess.ts). A restart would else rewrite every open row at once.
 * @param at commit time of the transaction that takes the record in, or an earlier reading of the same clock
 */
export function evolve(before: PipelineFacts, record: Incoming, at: Micros): PipelineFacts {
  // Who recomputes from the source is none of the pipeline's runs: it neither takes over nor proves that one lives.
  if (record.type === 'result' && !byEngine(record.arrival)) return before;
  if (record.stamp.engine === 'FLINK') return evolveFlink(before, record, at);
  const facts = countIn(before, record.stamp);
  switch (record.type) {
    case 'assignment': {
      const { run } = record.stamp;
      const { startOffset, maxEventTimeBefore } = record;
      const assignments = { ...facts.assignments, [record.sourcePartition]: { run, startOffset, maxEventTimeBefore } };
      const owners = Object.values(assignments).map((assignment) => assignment.run);
      return {
        ...facts,
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
