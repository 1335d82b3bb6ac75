import { encodeBefore, NOTHING_BEFORE, startPosition, type Before } from './position.js';
import { Run } from './run.js';
import type { SourceRecord } from '../../fold/settings.js';
import { decodeSnapshot, encodeSnapshot, type PartitionSnapshot } from './snapshot.js';
import { SETTINGS, T0 } from './testing.js';
import type { AssignmentPayload, LateDroppedPayload, ResultMessage } from './wire.js';

/** A life of the processor: it is killed after `reads` records; its last snapshot and commit happened somewhere before. */
export interface Life {
  readonly reads: number;
  readonly snapshotAfter: number;
  readonly commitAfter: number;
  readonly tickEvery: number;
  /** Records the broker confirmed last before the kill: the rest of the outbox dies with the process. */
  readonly ackAfter: number;
  /** The snapshot is gone when the next life begins. */
  readonly loses: boolean;
}
export const CALM: Life = { reads: 100, snapshotAfter: 0, commitAfter: 0, tickEvery: 1, ackAfter: 100, loses: false };

export interface Row {
  readonly message: ResultMessage;
  readonly run: number;
  /** What ingest holds against it, for good. */
  low: boolean;
}

/** What outlives the processor, and what ingest makes of what it was told: its rules in the fewest words. */
export interface World {
  committed: { offset: number; metadata: string };
  snapshot: string | null;
  /** By `<kind>/<business key>`. */
  readonly rows: Map<string, Row>;
  readonly flagged: Set<string>;
  readonly bounds: AssignmentPayload[];
  lives: number;
}

export const newWorld = (): World => ({
  committed: { offset: 0, metadata: encodeBefore(NOTHING_BEFORE) },
  snapshot: null,
  rows: new Map(),
  flagged: new Set(),
  bounds: [],
  lives: 0,
});

const precedes = (bound: AssignmentPayload | undefined, begins: string | null): boolean =>
  bound !== undefined &&
  bound.start_offset > 0 &&
  (bound.max_event_time_before === null || begins === null || begins <= bound.max_event_time_before);

/** Whether a result that begins then may have begun before one of the runs. */
export const mayHaveBegunBefore = (world: World, begins: string): boolean =>
  world.bounds.some((bound) => precedes(bound, begins));

function receive(world: World, value: string): void {
  const message = JSON.parse(value) as ResultMessage;
  const { kind, business_key, evidence, calculated_value } = message;
  if (kind === '_late_dropped') {
    const { kind: of = 'order_window' } = calculated_value as unknown as LateDroppedPayload;
    world.flagged.add(`${of}/${business_key}`);
  }
  if (kind === '_assignment') world.bounds.push(calculated_value as unknown as AssignmentPayload);
  if (kind.startsWith('_')) return;
  const id = `${kind}/${business_key}`;
  const stored = world.rows.get(id);
  const begins = evidence?.begins ?? (calculated_value['window_start'] as string | undefined) ?? null;
  const touched = stored !== undefined && (stored.low || stored.run !== world.lives);
  const low = touched || precedes(world.bounds.at(-1), begins) || evidence?.lost !== undefined;
  world.rows.set(id, { message, run: world.lives, low });
}

/** LOW when read: held against it when stored, or an open row of a run that is over, or a late drop. */
export const isLow = (world: World, id: string): boolean => {
  const row = world.rows.get(id);
  if (row === undefined) return false;
  return row.low || world.flagged.has(id) || (row.message.final !== true && row.run !== world.lives);
};

export function live(world: World, records: readonly SourceRecord[], l: Life, last: boolean): void {
  world.lives++;
  const { offset, metadata } = world.committed;
  const start = startPosition({ partition: 0, committed: offset, metadata, low: 0, high: records.length });
  const kept = world.snapshot === null ? null : decodeSnapshot(world.snapshot, SETTINGS.sourceTopic, 0);
  const snapshots = new Map<number, PartitionSnapshot>(kept === null ? [] : [[0, kept]]);
  const run = new Run({ runId: 'r', settings: SETTINGS, resultPartitions: 1, starts: [start], snapshots, nowMs: T0 });
  const source = run.partitions.get(0);
  if (source === undefined) throw new Error('no partition');
  const ack = (): void => {
    for (const { value } of run.outbox.peek(Infinity)) receive(world, value);
    run.outbox.ack(run.outbox.size);
  };
  const end = last ? records.length : offset + Math.floor(((records.length - offset) * l.reads) / 100);
  const at = (percent: number): number => offset + Math.floor(((end - offset) * percent) / 100);
  let commit: { offset: number; before: Before } | null = null;
  for (let i = offset; i <= end; i++) {
    const nowMs = T0 + i * 400;
    if (i <= at(l.ackAfter)) ack();
    if (i === at(l.snapshotAfter))
      world.snapshot = encodeSnapshot(source, SETTINGS.sourceTopic, run.outbox.unackedWindows());
    if (i === at(l.commitAfter)) {
      ack(); // a commit waits for confirmation
      commit = { offset: source.position, before: source.before() };
    }
    const r = records[i];
    if (i < end && r !== undefined) run.onRecords(0, [r], nowMs);
    if (i % l.tickEvery === 0) run.tick(nowMs);
  }
  if (commit !== null) world.committed = { offset: commit.offset, metadata: encodeBefore(commit.before) };
  if (l.loses) world.snapshot = null;
  if (last) {
    run.flush(T0);
    ack();
  }
}
