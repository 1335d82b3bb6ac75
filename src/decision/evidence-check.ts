/**
 * Which evidence a record of a result topic carries, and the best level that this allows: by the table itself, as if the record
 * were the first of its key in a run that nothing has happened to. Pure.
 */
import type { ConfidenceLevel, ProcessingEngine } from '../words.js';
import { decide } from './decide.js';
import { partitionsOf } from './coverage.js';
import { byEngine } from './observe.js';
import { NO_FACTS, type IncomingResult, type PipelineFacts } from './state.js';
import { DECISION_TABLE } from './table.js';

export interface RecordCheck {
  readonly level: ConfidenceLevel;
  /** What keeps it from being HIGH. */
  readonly reasons: readonly string[];
}

/** A piece of evidence, and the reason that a record without it has. */
export interface EvidencePiece {
  readonly name: string;
  readonly reason: string;
}

const MISSING = 'EVIDENCE_MISSING_';

/** What the table asks of a record of this engine, in the table's order. */
export function evidenceOf(engine: ProcessingEngine): readonly EvidencePiece[] {
  const asking = DECISION_TABLE.filter(
    (rule) =>
      (rule.engine === engine || rule.engine === 'ANY') &&
      (rule.when.arrival === undefined || rule.when.arrival.includes('IN_ORDER')),
  );
  const codes = [...new Set(asking.flatMap(({ reason }) => reason ?? []))];
  return codes.flatMap((reason) => {
    if (reason.startsWith(MISSING)) return [{ name: reason.slice(MISSING.length), reason }];
    // An exactly-once sink, and seen in a committed transaction.
    return reason === 'EPOCH_OPEN' ? [{ name: 'transaction', reason }] : [];
  });
}

/** What would be known of a pipeline that has just begun, from the beginning of its source. */
function undisturbed({ stamp, state }: IncomingResult, announced: boolean): PipelineFacts {
  const { run, lineage, intervalMs } = stamp;
  if (stamp.engine === 'FLINK') {
    return {
      ...NO_FACTS,
      current: { run, announced, lineage: lineage ?? [], completed: null, intervalMs, progress: {} },
    };
  }
  const owned = { run, startOffset: 0, maxEventTimeBefore: null };
  const partitions = announced ? partitionsOf(state.coverage) : [];
  return { ...NO_FACTS, assignments: Object.fromEntries(partitions.map((partition) => [partition, owned])) };
}

/**
 * @param announced the run has said where it began (`_run`, `_assignment`)
 * @returns null: nothing can be told of it, because an engine did not emit it
 */
export function checkRecord(record: IncomingResult, announced: boolean): RecordCheck | null {
  if (!byEngine(record.arrival)) return null;
  // What happened to its events says nothing of what its sender can show.
  const first = { ...record, arrival: 'IN_ORDER', resetBy: null, redelivered: false, lost: false } as const;
  const decision = decide(first, null, undisturbed(record, announced));
  return decision.action === 'upsert' ? { level: decision.row.cap, reasons: decision.row.reasons } : null;
}
