/**
 * The facts of a pipeline with checkpoints (contract.md §3, §5, §6). Everything is judged per result partition and by the
 * order of its log: commit markers appear partition by partition, and epochs repeat after a restore. Pure.
 */
import type { Micros } from '../position/position.js';
import { descendsFrom, restoredFrom, standingOf } from './lineage.js';
import { prune, RUNS_KEPT } from './prune.js';
import {
  counterOf,
  type CurrentRun,
  type Incoming,
  type IncomingHeartbeat,
  type IncomingRun,
  type PipelineFacts,
  type Stamp,
} from './state.js';

const begin = (stamp: Stamp, announced: boolean): CurrentRun => ({
  run: stamp.run,
  announced,
  lineage: stamp.lineage ?? [],
  completed: null,
  intervalMs: stamp.intervalMs,
  progress: {},
});

/**
 * Does the record's run take over? A run that nobody has heard of does, by its first record. Never an ancestor or a run that
 * was current before: its stragglers may come at any time. And once runs announce themselves, none takes over silently.
 */
function takesOver({ current, earlier }: PipelineFacts, { type, stamp }: Incoming): boolean {
  // A record that is only counted may be a broken one: nothing that it says of its run is known.
  if (type === 'other') return false;
  if (current === null) return true;
  if (current.run === stamp.run || earlier.includes(stamp.run)) return false;
  return restoredFrom(current.lineage, stamp.run) === null && (type === 'run' || !current.announced);
}

function meet(facts: PipelineFacts, record: Incoming, at: Micros): PipelineFacts {
  const { current } = facts;
  const { stamp } = record;
  const announces = record.type === 'run';
  if (takesOver(facts, record)) {
    const earlier = current === null ? [] : [...facts.earlier, current.run].slice(-RUNS_KEPT);
    const tainted = descendsFrom(facts.losses, stamp.run, stamp.lineage ?? []);
    return {
      ...facts,
      current: begin(stamp, announces),
      earlier,
      lastSeq: prune(facts.lastSeq, [...earlier, stamp.run]),
      // State that no loss precedes: what was lost is emitted anew, or was never this run's.
      losses: tainted ? facts.losses : [],
      lossOffset: tainted ? facts.lossOffset : null,
      heartbeats: { [stamp.run]: { at, state: 'RUNNING', sources: {} } },
    };
  }
  if (!announces || current === null || current.run !== stamp.run || current.announced) return facts;
  return { ...facts, current: { ...current, announced: true, lineage: stamp.lineage ?? current.lineage } };
}

function lose(facts: PipelineFacts, { run, offset }: Stamp): PipelineFacts {
  const losses = facts.losses.includes(run) ? facts.losses : [...facts.losses, run].slice(-RUNS_KEPT);
  return { ...facts, losses, lossOffset: Math.max(facts.lossOffset ?? offset, offset) };
}

/** A jump in a run's own numbers: what lies between was lost. Whatever was rolled back is counted no more. */
function countIn(facts: PipelineFacts, stamp: Stamp): PipelineFacts {
  if (stamp.seq === null || standingOf(facts, stamp) === 'SUPERSEDED') return facts;
  const counter = counterOf(stamp);
  const last = facts.lastSeq[counter] ?? 0;
  if (stamp.seq <= last) return facts;
  const counted = { ...facts, lastSeq: { ...facts.lastSeq, [counter]: stamp.seq } };
  return stamp.seq === last + 1 ? counted : lose(counted, stamp);
}

/**
 * The run lists how much its parent had emitted here when the checkpoint was taken. Fewer accepted: the parent's
 * transaction was never committed, and what it held is in the run's state as if it had been.
 */
function checkCounters(facts: PipelineFacts, { stamp, parent, counters }: IncomingRun): PipelineFacts {
  if (parent === null || facts.current?.run !== stamp.run || facts.losses.includes(stamp.run)) return facts;
  const lost = counters.some(({ subtask, seq }) => (facts.lastSeq[`${parent}/${subtask}`] ?? 0) < seq);
  return lost ? lose(facts, stamp) : facts;
}

const later = (a: string | null, b: string | null): string | null => (a === null || (b !== null && b > a) ? b : a);

/**
 * Does the record prove that a further checkpoint completed? One in a committed transaction of an exactly-once sink does by
 * being visible; of a weaker sink only one that names a newer checkpoint than was known.
 */
function proves(current: CurrentRun, stamp: Stamp): boolean {
  if (stamp.delivery === 'EXACTLY_ONCE' && stamp.transactional) return true;
  const known = current.completed ?? current.lineage.at(-1)?.[1] ?? -1;
  return stamp.completed !== null && stamp.completed.id > known;
}

function prove(facts: PipelineFacts, current: CurrentRun, stamp: Stamp, at: Micros): PipelineFacts {
  const { completed } = stamp;
  const known = current.completed ?? -1;
  return {
    ...facts,
    current: {
      ...current,
      completed: completed !== null && completed.id > known ? completed.id : current.completed,
      intervalMs: stamp.intervalMs ?? current.intervalMs,
    },
    provenAt: proves(current, stamp) ? at : facts.provenAt,
    checkpointTime: later(facts.checkpointTime, completed?.time ?? null),
  };
}

function beat(facts: PipelineFacts, current: CurrentRun, record: IncomingHeartbeat, at: Micros): PipelineFacts {
  const { state, sources, stamp } = record;
  const subtasks = record.subtasks ?? current.subtasks ?? null;
  const reached = Object.entries(sources).map(([p, { nextOffset }]) => [p, nextOffset] as const);
  return {
    ...facts,
    current: {
      ...current,
      progress: { ...current.progress, [stamp.subtask]: Object.fromEntries(reached) },
      ...(subtasks === null ? {} : { subtasks }),
    },
    heartbeats: { [stamp.run]: { at, state, sources } },
  };
}

export function evolveFlink(before: PipelineFacts, record: Incoming, at: Micros): PipelineFacts {
  const { stamp } = record;
  const met = countIn(meet(before, record, at), stamp);
  const facts = record.type === 'run' ? checkCounters(met, record) : met;
  if (facts.current === null || facts.current.run !== stamp.run) return facts;
  const proven = prove(facts, facts.current, stamp, at);
  return record.type === 'heartbeat' && proven.current !== null ? beat(proven, proven.current, record, at) : proven;
}
