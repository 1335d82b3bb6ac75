/** A batch of one result partition against what is stored → everything that its transaction writes. Pure. */
import { keyOf, type ResultKey } from '../position/commit-log.js';
import { NOTHING_EXPIRED, type Expiry } from '../position/expiry.js';
import type { Micros } from '../position/position.js';
import { covers } from './coverage.js';
import { decide, lower, taint } from './decide.js';
import { BY_NO_RECORD } from './decided.js';
import { evolve } from './evolve.js';
import { standingOf } from './lineage.js';
import {
  counterOf,
  NO_FACTS,
  type Incoming,
  type IncomingLateDrop,
  type IncomingResult,
  type PipelineFacts,
  type ResultState,
  type SourcePlace,
  type Stamp,
} from './state.js';

export interface Loaded {
  readonly rows: ReadonlyMap<string, ResultState>;
  readonly facts: ReadonlyMap<string, PipelineFacts>;
  /** What has expired, read after `rows`; left out when each key has a row. */
  readonly expired?: Expiry['kinds'];
}

export interface Refusal {
  readonly record: IncomingResult;
  readonly stored: ResultState | null;
  readonly reason: string;
}

/** What only a recomputation can repair. */
export interface Request extends ResultKey {
  readonly reason: string;
  /** An event that the recomputation must have read; null: none in particular. */
  readonly source: SourcePlace | null;
}

export interface PlannedRow {
  readonly row: ResultState;
  /** The record whose value and provenance the row takes; null: only its level changes. */
  readonly source: IncomingResult | null;
  /** Not stored before: with a source a new result, without one an absence that something is held against. */
  readonly fresh: boolean;
}

export interface Plan {
  /** At most one entry per key: a row is written once per transaction. */
  readonly rows: ReadonlyMap<string, PlannedRow>;
  readonly facts: ReadonlyMap<string, PipelineFacts>;
  readonly refusals: readonly Refusal[];
  readonly requests: readonly Request[];
  /** Requests that are answered: the answer was taken in. */
  readonly answered: readonly string[];
}

const factsOf = (facts: ReadonlyMap<string, PipelineFacts>, pipeline: string): PipelineFacts =>
  facts.get(pipeline) ?? NO_FACTS;

/** The results that must be read before the batch can be decided. */
export function needs(records: readonly Incoming[]): ResultKey[] {
  const keys = new Map<string, ResultKey>();
  for (const record of records) {
    if (record.type === 'result') keys.set(keyOf(record.state), record.state);
    if (record.type === 'late-drop') keys.set(keyOf(record.key), record.key);
  }
  return [...keys.values()];
}

/** The fold of a batch, one record after the other. Mutable inside, data outside. */
class Planner {
  readonly rows = new Map<string, PlannedRow>();
  readonly facts: Map<string, PipelineFacts>;
  readonly refusals: Refusal[] = [];
  readonly requests = new Map<string, Request>();
  readonly answered = new Set<string>();

  constructor(
    private readonly loaded: Loaded,
    private readonly at: Micros,
  ) {
    this.facts = new Map(loaded.facts);
  }

  take(record: Incoming): void {
    const { pipeline } = record.stamp;
    const before = factsOf(this.facts, pipeline);
    const facts = evolve(before, record, this.at);
    if (facts !== before) this.facts.set(pipeline, facts);
    if (record.type === 'result') this.result(record, before, facts);
    if (record.type === 'late-drop') this.hold(record, facts, 'VIOLATION_LATE_DROPPED');
  }

  private result(record: IncomingResult, before: PipelineFacts, facts: PipelineFacts): void {
    const id = keyOf(record.state);
    const stored = this.row(id);
    const expiry = { kinds: this.loaded.expired ?? NOTHING_EXPIRED.kinds };
    const again = { ...record, redelivered: isAgain(record.stamp, before), verification: this.asked(record) };
    const decision = decide(again, stored, facts, expiry);
    if (decision.action === 'upsert' && record.verification !== null) {
      this.answered.add(record.verification.request);
      this.requests.delete(id);
    }
    if (decision.action === 'refuse') this.refusals.push({ record, stored, reason: decision.reason });
    const takes = decision.action === 'upsert' || (decision.action === 'stable' && decision.adopts);
    if (decision.row !== null) this.put(id, decision.row, takes ? record : null);
    for (const reason of decision.reprocess) this.request(record.state, reason);
  }

  /**
   * Holds `reason` against a key: lowers its row. A key without one gets the row of an absence, so that in every store the
   * null carries the reason, and the first value takes it over.
   */
  private hold(record: IncomingLateDrop, facts: PipelineFacts, reason: 'VIOLATION_LATE_DROPPED'): void {
    const { stamp, source } = record;
    // What was rolled back drops the event again, or counts it this time.
    if (stamp.engine === 'FLINK' && standingOf(facts, stamp) === 'SUPERSEDED') return;
    const id = keyOf(record.key);
    const stored = this.row(id);
    const row = stored ?? absence(record);
    const taints = taint(row.taints, stamp.run, [reason]);
    // Who recomputed the result from the source has seen the event; the sender's state still lacks it.
    if (stored?.verified === true && hasRead(stored, source)) {
      if (taints !== stored.taints) this.put(id, { ...stored, taints }, null);
      return;
    }
    this.put(id, { ...lower(row, reason), taints, verification: null }, null);
    this.request(record.key, reason, source);
  }

  private request(key: ResultKey, reason: string, source: SourcePlace | null = null): void {
    const known = this.requests.get(keyOf(key));
    const further = known?.source ?? null;
    const most = further !== null && (source === null || further.offset > source.offset) ? further : source;
    this.requests.set(keyOf(key), { ...pick(key), reason: known?.reason ?? reason, source: most });
  }

  /** An event dropped in this very batch, before the recomputation: it must have read that one, too. */
  private asked({ verification, state }: IncomingResult): IncomingResult['verification'] {
    const source = this.requests.get(keyOf(state))?.source ?? null;
    if (verification === null || source === null) return verification;
    return { ...verification, mustReach: [...verification.mustReach, source] };
  }

  private row(id: string): ResultState | null {
    return this.rows.get(id)?.row ?? this.loaded.rows.get(id) ?? null;
  }

  /** A lowered row keeps the source that an earlier record of the batch gave it. */
  private put(id: string, row: ResultState, source: IncomingResult | null): void {
    this.rows.set(id, { row, source: source ?? this.rows.get(id)?.source ?? null, fresh: !this.loaded.rows.has(id) });
  }
}

/** Has its sender numbered a record so before? */
const isAgain = (stamp: Stamp, before: PipelineFacts): boolean =>
  stamp.seq !== null && stamp.seq <= (before.lastSeq[counterOf(stamp)] ?? 0);

const hasRead = ({ coverage, verifiedTo }: ResultState, { partition, offset }: SourcePlace): boolean =>
  covers(coverage, partition, offset) || offset < (verifiedTo?.[partition] ?? 0);

const absence = ({ key, stamp, resultPartition }: IncomingLateDrop): ResultState => ({
  ...pick(key),
  calculatedValue: {},
  deleted: true,
  final: false,
  stale: false,
  cap: 'HIGH',
  reasons: [],
  pipeline: stamp.pipeline,
  resultPartition,
  run: stamp.run,
  revision: 0,
  coverage: null,
  lastCheckpointTime: null,
  digest: null,
  epoch: null,
  resultOffset: -1,
  verified: false,
  events: null,
  taints: {},
  verification: null,
  verifiedTo: null,
  decided: BY_NO_RECORD,
});

const pick = ({ kind, businessKey, engine }: ResultKey): ResultKey => ({ kind, businessKey, engine });

/**
 * @param records in offset order, each offset once, all of one result partition
 * @param loaded at least what `needs` asked for
 */
export function plan(records: readonly Incoming[], loaded: Loaded, at: Micros): Plan {
  const planner = new Planner(loaded, at);
  for (const record of records) planner.take(record);
  return {
    rows: planner.rows,
    facts: planner.facts,
    refusals: planner.refusals,
    requests: [...planner.requests.values()],
    answered: [...planner.answered],
  };
}
