/**
 * What an ingest transaction changed → the events that clients hear of (contract.md §9): one per transition of a row, one
 * per run that starts. Pure.
 */
import { keyOf, type ResultKey } from '../position/commit-log.js';
import {
  CONFIDENCE_LEVELS,
  type ConfidenceLevel,
  type ProcessingEngine,
  type StalenessEventType,
  type Store,
} from '../words.js';

/** What the transitions need of a row; `ResultState` of the decision fits. */
export interface JudgedRow extends ResultKey {
  readonly calculatedValue: Readonly<Record<string, unknown>>;
  readonly cap: ConfidenceLevel;
  readonly reasons: readonly string[];
  readonly pipeline: string;
  readonly run: string;
  /** Why it has its cap (`Decided` of the decision); left out or null: not known. */
  readonly decided?: NewEvent['decided'];
}

/** A row as it stood before the transaction, and as that writes it. */
export interface RowTransition {
  readonly before: JudgedRow | null;
  readonly after: JudgedRow;
  /** An accepted record of it came after its window had closed. */
  readonly late: boolean;
  /** What it says now was recomputed from the source. Left out: no. */
  readonly reprocessed?: boolean;
}

/** A run that took over: a source partition, or (FLINK) the whole pipeline. */
export interface RunTransition {
  readonly pipeline: string;
  readonly run: string;
  readonly engine: ProcessingEngine;
  /** null: the run says through which checkpoints it came, not where it reads. */
  readonly from: { readonly sourcePartition: string; readonly startOffset: number } | null;
  /** The run that was there before; null: none that is known. */
  readonly takenFrom: string | null;
}

export interface NewEvent {
  readonly type: StalenessEventType;
  /** Of an event of a store, which has no pipeline, run and engine. Left out: none. */
  readonly store?: Store;
  readonly pipeline: string | null;
  readonly run: string | null;
  readonly engine: ProcessingEngine | null;
  readonly kind: string | null;
  readonly businessKey: string | null;
  readonly symbol: string | null;
  readonly levelBefore: ConfidenceLevel | null;
  readonly levelAfter: ConfidenceLevel | null;
  readonly reasons: readonly string[];
  readonly message: string;
  /** Of the row as the event leaves it; left out or null: not known, or it is no row's. */
  readonly decided?: {
    readonly table: string;
    readonly observed: string | null;
    readonly held: readonly string[];
  } | null;
}

const rank = (level: ConfidenceLevel): number => CONFIDENCE_LEVELS.indexOf(level);

/** Events of a run: it starts once, however many source partitions it takes over and result partitions it tells so. */
export function eventsOfRuns(transitions: readonly RunTransition[]): NewEvent[] {
  const started = new Map<string, NewEvent>();
  for (const { pipeline, run, engine, from, takenFrom } of transitions) {
    const id = `${pipeline}\u0000${run}`;
    if (takenFrom === run || started.has(id)) continue;
    const after = takenFrom === null ? '' : `, after ${takenFrom}`;
    const reads =
      from === null ? 'goes on' : `reads source partition ${from.sourcePartition} from offset ${from.startOffset}`;
    started.set(id, {
      type: 'RUN_STARTED',
      pipeline,
      run,
      engine,
      kind: null,
      businessKey: null,
      symbol: null,
      levelBefore: null,
      levelAfter: null,
      reasons: [],
      message: `${pipeline}: the run ${run} ${reads}${after}.`,
    });
  }
  return [...started.values()];
}

/** Events of one row, at most one of each type. */
export function eventsOfRow({ before, after, late, reprocessed = false }: RowTransition): NewEvent[] {
  const came = after.reasons.filter((reason) => !(before?.reasons.includes(reason) ?? false));
  const violations = came.filter((reason) => reason.startsWith('VIOLATION_'));
  const step = before === null ? 0 : rank(after.cap) - rank(before.cap);
  const name = `${after.kind} ${after.businessKey}`;
  const event = (type: StalenessEventType, reasons: readonly string[], message: string): NewEvent => {
    const { symbol } = after.calculatedValue;
    return {
      type,
      pipeline: after.pipeline,
      run: after.run,
      engine: after.engine,
      kind: after.kind,
      businessKey: after.businessKey,
      symbol: typeof symbol === 'string' ? symbol : null,
      levelBefore: before?.cap ?? null,
      levelAfter: after.cap,
      reasons,
      message,
      ...(after.decided == null ? {} : { decided: after.decided }),
    };
  };
  return [
    ...(reprocessed ? [event('REPROCESSED', [], `${name} was recomputed from the source.`)] : []),
    ...(late ? [event('LATE_UPDATE', ['LATE_UPDATE'], `${name} was changed by an event that came too late.`)] : []),
    ...(came.includes('ROLLBACK_REFUSED')
      ? [event('ROLLBACK_REFUSED', ['ROLLBACK_REFUSED'], `${name}: a record that contradicts it was refused.`)]
      : []),
    ...(violations.length > 0 ? [event('VIOLATION', violations, `${name}: ${violations.join(', ')}.`)] : []),
    ...(step > 0 ? [event('CONFIDENCE_LOWERED', came, `${name} is ${after.cap} now, no longer ${before?.cap}.`)] : []),
    ...(step < 0 ? [event('CONFIDENCE_RAISED', [], `${name} is ${after.cap} again, no longer ${before?.cap}.`)] : []),
  ];
}

/** What the transitions need of a planned batch; `Plan` and its input fit. */
export interface Batch {
  readonly engine: ProcessingEngine;
  readonly records: readonly BatchRecord[];
  readonly before: {
    readonly rows: ReadonlyMap<string, JudgedRow>;
    readonly facts: ReadonlyMap<
      string,
      {
        readonly assignments: Readonly<Record<string, { readonly run: string }>>;
        readonly current?: { readonly run: string } | null;
        readonly earlier?: readonly string[];
      }
    >;
  };
  readonly after: ReadonlyMap<string, { readonly row: JudgedRow }>;
  readonly refused: readonly { readonly record: object }[];
}

export type BatchRecord = { readonly stamp: { readonly pipeline: string; readonly run: string } } & (
  | { readonly type: 'result'; readonly state: ResultKey; readonly arrival: string }
  | { readonly type: 'assignment'; readonly sourcePartition: string; readonly startOffset: number }
  | { readonly type: 'run' | 'heartbeat' | 'late-drop' | 'other' }
);

/** All events of a batch, in the order in which clients get them: runs, then rows by their key. */
export function eventsOf({ engine, records, before, after, refused }: Batch): NewEvent[] {
  const held = new Set(refused.map(({ record }) => record));
  const late = new Set<string>();
  const reprocessed = new Set<string>();
  const runs: RunTransition[] = [];
  for (const record of records) {
    if (record.type === 'result' && record.arrival === 'LATE' && !held.has(record)) late.add(keyOf(record.state));
    if (record.type === 'result' && record.arrival === 'REPROCESSED' && !held.has(record))
      reprocessed.add(keyOf(record.state));
    if (record.type === 'assignment') {
      const { sourcePartition, startOffset, stamp } = record;
      const takenFrom = before.facts.get(stamp.pipeline)?.assignments[sourcePartition]?.run ?? null;
      runs.push({ ...stamp, engine, from: { sourcePartition, startOffset }, takenFrom });
    }
    if (record.type === 'run') {
      const { current = null, earlier = [] } = before.facts.get(record.stamp.pipeline) ?? {};
      // Every subtask says it, and one of an older run may say it late: neither is news.
      const known = current?.run === record.stamp.run || earlier.includes(record.stamp.run);
      if (!known) runs.push({ ...record.stamp, engine, from: null, takenFrom: current?.run ?? null });
    }
  }
  const rows = [...after].flatMap(([id, { row }]) =>
    eventsOfRow({
      before: before.rows.get(id) ?? null,
      after: row,
      late: late.has(id),
      reprocessed: reprocessed.has(id),
    }),
  );
  return [...eventsOfRuns(runs), ...rows];
}
