/** The tables that an ingest transaction reads and writes, beside clock and log. SQL only; no decision is made here. */
import type { ClientBase } from 'pg';
import type { ResultKey } from '../position/commit-log.js';
import { keyOf } from '../position/commit-log.js';
import { expiredKindOf, type Expiry } from '../position/expiry.js';
import type { Plan, PlannedRow } from '../decision/plan.js';
import { readDecided, writeDecided } from '../decision/decided.js';
import { NO_FACTS, type PipelineFacts, type ResultState } from '../decision/state.js';
import type { ConfidenceLevel, ProcessingEngine } from '../words.js';
import type { Tick } from './port.js';
import type { Place, Provenance } from './decode.js';

interface ResultRow {
  kind: string;
  business_key: string;
  engine: ProcessingEngine;
  calculated_value: Record<string, unknown>;
  deleted: boolean;
  final: boolean;
  stale: boolean;
  cap: ConfidenceLevel;
  reasons: string[];
  pipeline: string;
  result_partition: number;
  run: string;
  revision: number;
  evidence: {
    coverage?: ResultState['coverage'];
    digest?: string;
    events?: number;
    verified_to?: Record<string, number>;
  };
  last_checkpoint_time: Date | null;
  epoch: string | null;
  result_offset: string;
  cause: string;
  taints: ResultState['taints'];
  verification: string | null;
  decided: string | null;
}

const COLUMNS = `r.kind, r.business_key, r.engine, r.calculated_value, r.deleted, r.final, r.stale, r.cap, r.reasons,
  r.pipeline, r.result_partition, r.run, r.revision, r.evidence, r.last_checkpoint_time, r.epoch,
  r.result_offset, r.cause, r.taints, r.verification, r.decided`;

const stateOf = (row: ResultRow): ResultState => ({
  kind: row.kind,
  businessKey: row.business_key,
  engine: row.engine,
  calculatedValue: row.calculated_value,
  deleted: row.deleted,
  final: row.final,
  stale: row.stale,
  cap: row.cap,
  reasons: row.reasons,
  pipeline: row.pipeline,
  resultPartition: row.result_partition,
  run: row.run,
  revision: row.revision,
  coverage: row.evidence.coverage ?? null,
  lastCheckpointTime: row.last_checkpoint_time?.toISOString() ?? null,
  digest: row.evidence.digest ?? null,
  epoch: row.epoch === null ? null : Number(row.epoch),
  resultOffset: Number(row.result_offset),
  verified: row.cause === 'REPROCESSED',
  events: row.evidence.events ?? null,
  taints: row.taints,
  verification: row.verification,
  verifiedTo: row.cause === 'REPROCESSED' ? (row.evidence.verified_to ?? null) : null,
  decided: row.decided === null ? null : readDecided(row.decided),
});

const columns = (keys: readonly ResultKey[]): [string[], string[], string[]] => [
  keys.map((key) => key.kind),
  keys.map((key) => key.businessKey),
  keys.map((key) => key.engine),
];

const BY_KEYS = `unnest($1::text[], $2::text[], $3::text[]) as k(kind, business_key, engine)`;

export async function readRows(client: ClientBase, keys: readonly ResultKey[]): Promise<Map<string, ResultState>> {
  if (keys.length === 0) return new Map();
  const { rows } = await client.query<ResultRow>({
    name: 'rows-by-key',
    text: `select ${COLUMNS} from ${BY_KEYS} join results r using (kind, business_key, engine)`,
    values: columns(keys),
  });
  return new Map(rows.map((row) => [keyOf(stateOf(row)), stateOf(row)]));
}

export async function readFacts(client: ClientBase, place: Place): Promise<Map<string, PipelineFacts>> {
  const { rows } = await client.query<{ pipeline: string; facts: PipelineFacts }>({
    name: 'facts-of-partition',
    text: `select pipeline, facts from pipeline_facts where result_topic = $1 and result_partition = $2`,
    values: [place.topic, place.partition],
  });
  // What a release before 0.3.0 wrote knows less.
  return new Map(rows.map((row) => [row.pipeline, { ...NO_FACTS, ...row.facts }]));
}

export async function readExpired(client: ClientBase): Promise<Expiry['kinds']> {
  const { rows } = await client.query<Pick<ResultKey, 'kind' | 'engine'> & { until: string | null }>({
    name: 'expired-kinds',
    text: 'select kind, engine, until from expired_kinds',
  });
  return new Map(rows.map((row) => [expiredKindOf(row), { until: row.until }]));
}

export async function writeFacts(
  client: ClientBase,
  place: Place,
  tick: Tick,
  before: ReadonlyMap<string, PipelineFacts>,
  after: Plan['facts'],
): Promise<void> {
  for (const [pipeline, facts] of after) {
    if (before.get(pipeline) === facts) continue;
    await client.query({
      name: 'write-facts',
      text: `insert into pipeline_facts (pipeline, result_topic, result_partition, engine, position, facts)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (pipeline, result_topic, result_partition) do update set position = excluded.position, facts = excluded.facts`,
      values: [pipeline, place.topic, place.partition, place.engine, tick.position, JSON.stringify(facts)],
    });
  }
}

/** Array literal of identifiers; reason codes hold nothing that needs more. */
const textArray = (values: readonly string[]): string => `{${values.map((value) => JSON.stringify(value)).join(',')}}`;

const levels = (
  rows: readonly ResultState[],
): [boolean[], boolean[], string[], string[], string[], (string | null)[], (string | null)[]] => [
  rows.map((row) => row.final),
  rows.map((row) => row.stale),
  rows.map((row) => row.cap),
  rows.map((row) => textArray(row.reasons)),
  rows.map((row) => JSON.stringify(row.taints)),
  rows.map((row) => row.verification),
  rows.map((row) => (row.decided === null ? null : writeDecided(row.decided))),
];

/** Rows that take a copied record's value: one statement, joined to the temp table, each key once. */
const UPSERT = `
  insert into results (kind, business_key, engine, calculated_value, deleted, final, stale, cap, reasons, pipeline,
    result_topic, result_partition, result_offset, run, subtask, lineage, seq, epoch, delivery, revision, cause, evidence,
    last_checkpoint_time, taints, verification, decided, position, committed_at_us, first_position)
  select b.kind, b.business_key, b.engine, b.calculated_value, b.deleted, d.final, d.stale, d.cap, d.reasons::text[], b.pipeline,
    $1, $2, b.result_offset, b.run, b.subtask, b.lineage, b.seq, b.epoch, b.delivery, b.revision, b.cause, b.evidence,
    b.last_checkpoint_time, d.taints::json, d.verification, d.decided, $3, $4, $3
  from unnest($5::int[], $6::boolean[], $7::boolean[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::text[])
    as d(ordinal, final, stale, cap, reasons, taints, verification, decided)
  join ingest_batch b using (ordinal)
  on conflict (kind, business_key, engine) do update set
    calculated_value = excluded.calculated_value, deleted = excluded.deleted, final = excluded.final, stale = excluded.stale,
    cap = excluded.cap, reasons = excluded.reasons, pipeline = excluded.pipeline, result_topic = excluded.result_topic,
    result_partition = excluded.result_partition, result_offset = excluded.result_offset, run = excluded.run,
    subtask = excluded.subtask, lineage = excluded.lineage, seq = excluded.seq, epoch = excluded.epoch,
    delivery = excluded.delivery, revision = excluded.revision, cause = excluded.cause, evidence = excluded.evidence,
    last_checkpoint_time = excluded.last_checkpoint_time, taints = excluded.taints, verification = excluded.verification,
    decided = excluded.decided, position = excluded.position, committed_at_us = excluded.committed_at_us`;

/** Absences that something is held against: rows without a value, so that the null carries its reasons everywhere. */
const ABSENT = `
  insert into results (kind, business_key, engine, calculated_value, deleted, final, stale, cap, reasons, pipeline, result_topic,
    result_partition, result_offset, run, subtask, lineage, revision, cause, evidence, taints, verification, decided, position, committed_at_us,
    first_position)
  select d.kind, d.business_key, d.engine, '{}', true, d.final, d.stale, d.cap, d.reasons::text[], d.pipeline, $3,
    $4, -1, d.run, 0, '[]', 0, 'IN_ORDER', '{}', d.taints::json, d.verification, d.decided, $1, $2, $1
  from unnest($5::text[], $6::text[], $7::text[], $8::boolean[], $9::boolean[], $10::text[], $11::text[], $12::text[], $13::uuid[],
    $14::text[], $15::text[], $16::text[])
    as d(kind, business_key, engine, final, stale, cap, reasons, taints, verification, decided, pipeline, run)`;

/** Rows that only lose trust, or are known to be final by now. */
const LOWER = `
  update results r set final = d.final, stale = d.stale, cap = d.cap, reasons = d.reasons::text[], taints = d.taints::json,
    verification = d.verification, decided = d.decided, position = $1, committed_at_us = $2
  from unnest($3::text[], $4::text[], $5::text[], $6::boolean[], $7::boolean[], $8::text[], $9::text[], $10::text[], $11::uuid[],
    $12::text[]) as d(kind, business_key, engine, final, stale, cap, reasons, taints, verification, decided)
  where r.kind = d.kind and r.business_key = d.business_key and r.engine = d.engine`;

export async function writeRows(
  client: ClientBase,
  place: Place,
  tick: Tick,
  rows: readonly PlannedRow[],
): Promise<void> {
  const taken = rows.flatMap(({ row, source }) => (source === null ? [] : [{ row, ordinal: source.ordinal }]));
  const lowered = rows.flatMap(({ row, source, fresh }) => (source === null && !fresh ? [row] : []));
  const absent = rows.flatMap(({ row, source, fresh }) => (source === null && fresh ? [row] : []));
  if (taken.length > 0) {
    const { rowCount } = await client.query({
      name: 'upsert-results',
      text: UPSERT,
      values: [
        place.topic,
        place.partition,
        tick.position,
        tick.committedAt,
        taken.map((t) => t.ordinal),
        ...levels(taken.map((t) => t.row)),
      ],
    });
    if (rowCount !== taken.length) throw new Error(`${taken.length} rows were decided, ${rowCount} written`);
  }
  if (absent.length > 0) {
    await client.query({
      name: 'insert-absences',
      text: ABSENT,
      values: [
        tick.position,
        tick.committedAt,
        place.topic,
        place.partition,
        ...columns(absent),
        ...levels(absent),
        absent.map((row) => row.pipeline),
        absent.map((row) => row.run),
      ],
    });
  }
  if (lowered.length > 0) {
    const { rowCount } = await client.query({
      name: 'lower-results',
      text: LOWER,
      values: [tick.position, tick.committedAt, ...columns(lowered), ...levels(lowered)],
    });
    if (rowCount !== lowered.length) throw new Error(`${lowered.length} rows were to be lowered, ${rowCount} were`);
  }
}

export async function writeRefusals(
  client: ClientBase,
  place: Place,
  tick: Tick,
  refusals: Plan['refusals'],
  provenance: ReadonlyMap<number, Provenance>,
): Promise<void> {
  for (const { record, stored, reason } of refusals) {
    await client.query({
      name: 'write-refusal',
      text: `insert into refusals (position, kind, business_key, engine, reason, stored, refused, result_topic, result_partition, result_offset)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
      values: [
        tick.position,
        record.state.kind,
        record.state.businessKey,
        record.state.engine,
        reason,
        stored === null ? null : JSON.stringify(stored),
        JSON.stringify(provenance.get(record.ordinal)?.message ?? record.state),
        place.topic,
        place.partition,
        record.offset,
      ],
    });
  }
}
