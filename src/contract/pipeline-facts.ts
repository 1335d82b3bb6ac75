/** Stored facts of a pipeline in one result partition → the evidence that an assessment asks for. Pure. */
import { micros, position, type Micros } from '../position/position.js';
import { slowest, type Progress } from '../decision/progress.js';
import type { ProcessingEngine } from '../words.js';
import type { CheckpointEvidence } from './checkpoints.js';
import type { PipelineFact } from './proof-port.js';

/** A row of `pipeline_facts` as JSON. `facts` is written by ingest (decision/state.ts, PipelineFacts). */
export interface StoredFacts {
  readonly pipeline: string;
  readonly result_topic: string;
  readonly result_partition: number;
  readonly engine: ProcessingEngine;
  readonly position: number;
  readonly facts: {
    /** `<run>/<subtask>` → where its output has a hole. */
    readonly gaps?: Readonly<Record<string, number>>;
    readonly assignments: Readonly<
      Record<
        string,
        { readonly run: string; readonly startOffset: number; readonly maxEventTimeBefore?: string | null }
      >
    >;
    readonly heartbeats: Readonly<
      Record<
        string,
        {
          readonly at: number;
          readonly state: 'RUNNING' | 'STOPPING';
          readonly sources: Readonly<
            Record<
              string,
              { readonly nextOffset: number; readonly appendTime: string | null; readonly watermark: string | null }
            >
          >;
        }
      >
    >;
    /** Absent in what a release before 0.3.0 wrote. */
    readonly lossOffset?: number | null;
    readonly recovered?: { readonly offset: number; readonly kinds: readonly string[] };
    readonly provenAt?: number | null;
    readonly checkpointTime?: string | null;
    readonly current?: {
      readonly run: string;
      readonly lineage: CheckpointEvidence['lineage'];
      readonly completed: number | null;
      readonly intervalMs: number | null;
      readonly progress: Progress;
      readonly subtasks?: number | null;
    } | null;
  };
}

const earliest = (values: readonly Micros[]): Micros | null =>
  values.reduce<Micros | null>((a, b) => (a === null || b < a ? b : a), null);

/** Gaps of which an older release did not write down where they lie: every row may be older. */
const lostBefore = (gaps: StoredFacts['facts']['gaps']): number | null =>
  Object.keys(gaps ?? {}).length === 0 ? null : Number.MAX_SAFE_INTEGER;

/** What was lost since is not made good by what was done before. */
const recoveredOf = ({ lossOffset, recovered }: StoredFacts['facts']): readonly string[] =>
  recovered !== undefined && (lossOffset ?? Infinity) <= recovered.offset ? recovered.kinds : [];

/** The latest; null when one is unknown, or there is none. ISO-8601 texts of one form compare like times. */
export const latest = (times: readonly (string | null)[]): string | null =>
  times.reduce<string | null>(
    (most, time) => (most === null || time === null ? null : time > most ? time : most),
    times[0] ?? null,
  );

function checkpointsOf({ current, provenAt }: StoredFacts['facts']): CheckpointEvidence | null {
  if (current === undefined || current === null) return null;
  const { run, lineage, completed, intervalMs } = current;
  const progress = slowest(current.progress, current.subtasks);
  const proven = provenAt === undefined || provenAt === null ? null : micros(provenAt);
  return { run, lineage, completed, intervalMs, progress, provenAt: proven };
}

/**
 * The facts of all pipelines. A completed checkpoint is one of the whole job, in whichever partition it was heard of first:
 * `lastCheckpointTime` is the pipeline's, so that it does not go back from one answer to the next.
 */
export function pipelineFacts(stored: readonly StoredFacts[]): PipelineFact[] {
  const facts = stored.map(pipelineFact);
  const newest = new Map<string, string | null>();
  for (const { pipeline, lastCheckpointTime: time } of facts) {
    const known = newest.get(pipeline) ?? null;
    newest.set(pipeline, known === null || (time !== null && time > known) ? time : known);
  }
  return facts.map((fact) => ({ ...fact, lastCheckpointTime: newest.get(fact.pipeline) ?? null }));
}

/** For the one FLINK pipeline; of several nobody knows whose source was asked. */
export function withSourceAsOf(facts: readonly PipelineFact[], sourceAsOf: string | null): readonly PipelineFact[] {
  const flink = new Set(facts.flatMap(({ engine, pipeline }) => (engine === 'FLINK' ? [pipeline] : [])));
  if (sourceAsOf === null || flink.size !== 1) return facts;
  return facts.map((fact) => (fact.engine === 'FLINK' ? { ...fact, sourceAsOf } : fact));
}

/**
 * Several runs may own source partitions side by side: the weakest of their heartbeats speaks for the partition. A source
 * partition whose owner has not said how far it counts makes `sourceAsOf` unknown.
 */
export function pipelineFact(stored: StoredFacts): PipelineFact {
  const { assignments, heartbeats } = stored.facts;
  const { current = null } = stored.facts;
  const assigned = Object.values(assignments).map((assignment) => assignment.run);
  const owners = [...new Set(current === null ? assigned : [current.run])];
  const beats = owners.map((run) => heartbeats[run]);
  const seen = beats.flatMap((beat) => (beat === undefined ? [] : [micros(beat.at)]));
  const sources = Object.entries(assignments).map(([p, { run }]) => [p, heartbeats[run]?.sources[p]] as const);
  const counted = sources.map(([, source]) => source?.appendTime ?? null);
  const watermarks = sources.flatMap(([, source]) => (source?.watermark == null ? [] : [Date.parse(source.watermark)]));
  const known = counted.length > 0 && counted.every((time) => time !== null);
  const checkpoints = checkpointsOf(stored.facts);
  return {
    pipeline: stored.pipeline,
    engine: stored.engine,
    resultTopic: stored.result_topic,
    resultPartition: stored.result_partition,
    run: owners.at(-1) ?? null,
    state: beats.some((beat) => beat?.state === 'STOPPING') ? 'STOPPING' : 'RUNNING',
    lastHeartbeatAt: seen.length === owners.length ? earliest(seen) : null,
    lastCheckpointTime: stored.facts.checkpointTime ?? null,
    // Records appended within the same millisecond may still be uncounted.
    sourceAsOf: known ? new Date(Math.min(...counted.map((time) => Date.parse(time ?? ''))) - 1).toISOString() : null,
    sources: Object.fromEntries(
      current === null
        ? sources.flatMap(([p, source]) => (source === undefined ? [] : [[p, String(source.nextOffset)]]))
        : Object.entries(checkpoints?.progress ?? {}).map(([p, next]) => [p, String(next)]),
    ),
    owners: Object.fromEntries(Object.entries(assignments).map(([p, { run }]) => [p, run])),
    gapRuns: [
      ...new Set(Object.keys(stored.facts.gaps ?? {}).map((counter) => counter.slice(0, counter.lastIndexOf('/')))),
    ],
    // Nothing precedes offset 0.
    resumed: Object.values(assignments).some(({ startOffset }) => startOffset !== 0),
    resumedUntil: latest(
      Object.values(assignments).flatMap((own) => (own.startOffset === 0 ? [] : [own.maxEventTimeBefore ?? null])),
    ),
    lossOffset: stored.facts.lossOffset ?? lostBefore(stored.facts.gaps),
    recovered: recoveredOf(stored.facts),
    checkpoints,
    watermark: watermarks.length === 0 ? null : new Date(Math.min(...watermarks)).toISOString(),
    position: position(stored.position),
  };
}
