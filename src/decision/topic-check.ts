/** Records of a result topic → what its pipelines can show, what they lack, and the level that they can reach. Pure. */
import { CONFIDENCE_LEVELS, type ConfidenceLevel, type ProcessingEngine } from '../words.js';
import { checkRecord, evidenceOf, type RecordCheck } from './evidence-check.js';
import { byEngine } from './observe.js';
import { counterOf, type Incoming, type IncomingResult, type Stamp } from './state.js';

/** A record as it was read; one of a partition after the other, in offset order. */
export interface TopicRecord {
  readonly partition: number;
  /** null: it can't be decoded. */
  readonly incoming: Incoming | null;
  /** Why it can't be, a stable code; null: it can. */
  readonly cause: string | null;
}

export interface CheckedEvidence {
  readonly name: string;
  /** Records that carry it. */
  readonly carried: number;
}

export interface CheckedKind {
  readonly kind: string;
  /** Emitted by the engine. */
  readonly records: number;
  /** Recomputed from the source, by who answers requests. */
  readonly recomputed: number;
  readonly evidence: readonly CheckedEvidence[];
  /** The strongest level that one of its records can have, and how many can have which. */
  readonly best: ConfidenceLevel | null;
  readonly levels: Readonly<Partial<Record<ConfidenceLevel, number>>>;
  /** What keeps records from HIGH, by how many. */
  readonly reasons: readonly { readonly code: string; readonly records: number }[];
}

export interface CheckedPipeline {
  readonly pipeline: string;
  readonly engine: ProcessingEngine;
  readonly runs: number;
  /** NOT_READ: where its runs begin lies before what was read. */
  readonly announced: 'YES' | 'NO' | 'NOT_READ';
  readonly heartbeats: number;
  /** Partitions with results of it, and no heartbeat among what was read. */
  readonly silentPartitions: readonly number[];
  /** Numbers that are missing between those that were read. */
  readonly seqHoles: number;
  /** The newest completed checkpoint that it has named. */
  readonly completedCheckpoint: number | null;
  readonly kinds: readonly CheckedKind[];
}

export interface TopicCheck {
  readonly records: number;
  readonly undecodable: readonly { readonly cause: string; readonly records: number }[];
  readonly pipelines: readonly CheckedPipeline[];
  /** Everything is there that its engines could show. */
  readonly complete: boolean;
}

interface Read {
  readonly partition: number;
  readonly incoming: Incoming;
}

function tally<T>(values: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}

const placeOf = (partition: number, { run }: Stamp): string => `${partition}/${run}`;

/**
 * Where runs said how they began, by partition and run. Not among what was read, it is known to be missing only if the
 * run's first record was read, or if the run numbers nothing.
 */
function announcements(
  own: readonly Read[],
  fromStart: ReadonlySet<number>,
): (read: Read) => 'YES' | 'NO' | 'NOT_READ' {
  const said = new Set<string>();
  const begun = new Set<string>();
  for (const { partition, incoming } of own) {
    const place = placeOf(partition, incoming.stamp);
    if (incoming.type === 'run' || incoming.type === 'assignment') said.add(place);
    if (incoming.stamp.seq === null || incoming.stamp.seq === 1 || fromStart.has(partition)) begun.add(place);
  }
  return ({ partition, incoming }) => {
    const place = placeOf(partition, incoming.stamp);
    if (said.has(place)) return 'YES';
    return begun.has(place) ? 'NO' : 'NOT_READ';
  };
}

function holesIn(own: readonly Read[]): number {
  const counters = groupBy(own, ({ partition, incoming }) => `${partition}/${counterOf(incoming.stamp)}`);
  return [...counters.values()].reduce((holes, reads) => {
    const seqs = new Set(reads.flatMap(({ incoming }) => incoming.stamp.seq ?? []));
    if (seqs.size === 0) return holes;
    return holes + Math.max(...seqs) - Math.min(...seqs) + 1 - seqs.size;
  }, 0);
}

interface CheckedResult {
  readonly result: IncomingResult;
  /** null: not emitted by the engine. */
  readonly check: RecordCheck | null;
}

function checkKind(kind: string, engine: ProcessingEngine, all: readonly CheckedResult[]): CheckedKind {
  const checks = all.flatMap(({ check }) => check ?? []);
  const levels = tally(checks.map(({ level }) => level));
  const reasons = tally(checks.flatMap((check) => [...check.reasons]));
  return {
    kind,
    records: checks.length,
    recomputed: all.length - checks.length,
    evidence: evidenceOf(engine).map(({ name, reason }) => ({
      name,
      carried: checks.length - (reasons.get(reason) ?? 0),
    })),
    best: CONFIDENCE_LEVELS.find((level) => levels.has(level)) ?? null,
    levels: Object.fromEntries(levels),
    reasons: [...reasons].map(([code, records]) => ({ code, records })).sort((a, b) => b.records - a.records),
  };
}

function checkPipeline(own: readonly Read[], fromStart: ReadonlySet<number>): CheckedPipeline {
  const [{ incoming: first }] = own as readonly [Read];
  const { pipeline, engine } = first.stamp;
  const emitted = own.filter(({ incoming }) => incoming.type !== 'result' || byEngine(incoming.arrival));
  const announcedOf = announcements(emitted, fromStart);
  const results = own.flatMap((read) => {
    const { incoming } = read;
    // What was not read is not held against it.
    return incoming.type === 'result'
      ? [{ partition: read.partition, result: incoming, check: checkRecord(incoming, announcedOf(read) !== 'NO') }]
      : [];
  });
  const heartbeats = own.filter(({ incoming }) => incoming.type === 'heartbeat');
  const beating = new Set(heartbeats.map(({ partition }) => partition));
  const told = new Set(emitted.map(announcedOf));
  const completed = own.flatMap(({ incoming }) => incoming.stamp.completed?.id ?? []);
  return {
    pipeline,
    engine,
    runs: new Set(emitted.map(({ incoming }) => incoming.stamp.run)).size,
    announced: told.has('NO') ? 'NO' : told.has('YES') ? 'YES' : 'NOT_READ',
    heartbeats: heartbeats.length,
    silentPartitions: [
      ...new Set(results.flatMap(({ partition, check }) => (check === null ? [] : [partition]))),
    ].filter((p) => !beating.has(p)),
    seqHoles: holesIn(emitted),
    completedCheckpoint: completed.length === 0 ? null : Math.max(...completed),
    kinds: [...groupBy(results, ({ result }) => result.state.kind)]
      .map(([kind, all]) => checkKind(kind, engine, all))
      .sort((a, b) => (a.kind < b.kind ? -1 : 1)),
  };
}

const isComplete = ({ announced, silentPartitions, seqHoles, kinds }: CheckedPipeline): boolean =>
  announced !== 'NO' &&
  silentPartitions.length === 0 &&
  seqHoles === 0 &&
  kinds.every(({ evidence, records }) => evidence.every(({ carried }) => carried === records));

/** @param fromStart partitions that were read from the first record that they ever had */
export function checkTopic(records: readonly TopicRecord[], fromStart: ReadonlySet<number>): TopicCheck {
  const reads = records.flatMap(({ partition, incoming }) => (incoming === null ? [] : [{ partition, incoming }]));
  const pipelines = [...groupBy(reads, ({ incoming: { stamp } }) => `${stamp.engine}/${stamp.pipeline}`).values()]
    .map((own) => checkPipeline(own, fromStart))
    .sort((a, b) => (a.pipeline < b.pipeline ? -1 : 1));
  const undecodable = [...tally(records.flatMap(({ cause }) => cause ?? []))].map(([cause, count]) => ({
    cause,
    records: count,
  }));
  return {
    records: records.length,
    undecodable,
    pipelines,
    complete: undecodable.length === 0 && pipelines.every(isComplete),
  };
}
