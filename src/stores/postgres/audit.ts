/** Refusals, reprocessing requests and the evidence of rows, as ingest wrote them down. SQL only. */
import type { Pool } from 'pg';
import { AppError } from '../../errors.js';
import { position } from '../../position/position.js';
import type { ProcessingEngine } from '../../words.js';
import {
  AUDIT_VALUE_BYTES,
  type AuditReader,
  type EmittedResult,
  type ReprocessingState,
  type RowEvidence,
  type StoredRefusal,
  type StoredRequest,
} from '../audit-port.js';

const MAX_LIMIT = 501;
const bounded = (limit: number): number => Math.min(Math.max(limit, 0), MAX_LIMIT);

/** Compressed. Beyond it a record is not even unpacked to be measured. */
const PACKED_BYTES = 65_536;

/** What is shown of an emitted result: of the row as the decision knows it, and of the message as it came. */
const shownOf = (column: string, names: { readonly value: string; readonly rest: string }): string => `
  case when ${column} is null then null
  when pg_column_size(${column}) > ${PACKED_BYTES} then '{}'::jsonb
  else jsonb_build_object('value', case when octet_length((${column} -> '${names.value}')::text) <= ${AUDIT_VALUE_BYTES}
    then ${column} -> '${names.value}' end, 'final', ${column} -> 'final', 'revision', ${column} -> 'revision',
    'epoch', ${column} -> 'epoch', ${names.rest}) end`;

const STORED = shownOf('stored', {
  value: 'calculatedValue',
  rest: `'deleted', stored -> 'deleted', 'run', stored -> 'run', 'coverage', stored -> 'coverage',
    'digest', stored -> 'digest', 'events', stored -> 'events'`,
});
const REFUSED = shownOf('refused', {
  value: 'calculated_value',
  rest: `'deleted', refused ->> 'op' = 'delete', 'run', refused #> '{run,id}', 'coverage', refused #> '{evidence,coverage}',
    'digest', refused #> '{evidence,digest}', 'events', refused #> '{evidence,events}'`,
});

type Emitted = { readonly [Name in keyof EmittedResult]?: EmittedResult[Name] };

const emittedOf = (shown: Emitted): EmittedResult => ({
  value: shown.value ?? null,
  deleted: shown.deleted ?? false,
  final: shown.final ?? false,
  run: shown.run ?? null,
  revision: shown.revision ?? null,
  epoch: shown.epoch ?? null,
  coverage: shown.coverage ?? null,
  digest: shown.digest ?? null,
  events: shown.events ?? null,
});

interface RefusalRow {
  id: string;
  position: string;
  kind: string;
  business_key: string;
  engine: ProcessingEngine;
  reason: string;
  stored: Emitted | null;
  refused: Emitted;
  result_topic: string;
  result_partition: number;
  result_offset: string;
  noted_at: Date;
}

const refusalOf = (row: RefusalRow): StoredRefusal => ({
  id: BigInt(row.id),
  position: position(row.position),
  kind: row.kind,
  businessKey: row.business_key,
  engine: row.engine,
  reason: row.reason,
  stored: row.stored === null ? null : emittedOf(row.stored),
  refused: emittedOf(row.refused),
  topic: row.result_topic,
  partition: row.result_partition,
  offset: BigInt(row.result_offset),
  notedAt: row.noted_at.toISOString(),
});

interface RequestRow {
  id: string;
  kind: string;
  business_key: string;
  engine: ProcessingEngine;
  state: ReprocessingState;
  reason: string;
  requested_by: string;
  requested_at: Date;
  requested_position: string;
  attempts: number;
  due_at: Date;
  up_to: Record<string, number> | null;
  source_partition: number | null;
  source_offset: string | null;
  finished_at: Date | null;
  finished_position: string | null;
  code: string | null;
  message: string | null;
}

const requestOf = (row: RequestRow): StoredRequest => ({
  id: BigInt(row.id),
  kind: row.kind,
  businessKey: row.business_key,
  engine: row.engine,
  state: row.state,
  reason: row.reason,
  requestedBy: row.requested_by,
  requestedAt: row.requested_at.toISOString(),
  requestedPosition: position(row.requested_position),
  attempts: row.attempts,
  dueAt: row.state === 'OPEN' ? row.due_at.toISOString() : null,
  upTo: row.up_to,
  mustRead:
    row.source_partition === null || row.source_offset === null
      ? null
      : { partition: row.source_partition, offset: BigInt(row.source_offset) },
  finishedAt: row.finished_at?.toISOString() ?? null,
  finishedPosition: row.finished_position === null ? null : position(row.finished_position),
  failure: row.code === null ? null : { code: row.code, message: row.message ?? '' },
});

interface EvidenceRow {
  kind: string;
  business_key: string;
  engine: ProcessingEngine;
  position: string;
  cause: string;
  digest: string | null;
  events: string | null;
  duplicates: string | null;
  max_event_time: string | null;
}

const numberOr = (text: string | null): number | null => (text === null ? null : Number(text));

const evidenceOf = (row: EvidenceRow): RowEvidence => ({
  kind: row.kind,
  businessKey: row.business_key,
  engine: row.engine,
  position: position(row.position),
  cause: row.cause,
  digest: row.digest,
  events: numberOr(row.events),
  duplicatesDropped: numberOr(row.duplicates),
  maxEventTime: row.max_event_time,
});

/** Conditions on columns, those of which nothing is asked left out. */
function conditions(given: readonly (readonly [sql: string, value: unknown])[]): { where: string; values: unknown[] } {
  const asked = given.filter(([, value]) => value !== undefined);
  return {
    where: asked.length === 0 ? '' : `where ${asked.map(([sql], i) => `${sql} $${i + 1}`).join(' and ')}`,
    values: asked.map(([, value]) => value),
  };
}

export function createPostgresAudit(pool: Pool): AuditReader {
  async function rows<T extends object>(text: string, values: unknown[]): Promise<T[]> {
    try {
      return (await pool.query<T>(text, values)).rows;
    } catch (cause) {
      throw new AppError('STORE_UNAVAILABLE', 'Postgres did not answer.', { retryable: true, outcome: 'none', cause });
    }
  }

  return {
    async refusals({ kind, businessKey, engine, after, limit }) {
      const { where, values } = conditions([
        ['business_key =', businessKey],
        ['kind =', kind],
        ['engine =', engine],
        ['id <', after],
      ]);
      const text = `select id, position, kind, business_key, engine, reason, ${STORED} as stored, ${REFUSED} as refused,
          result_topic, result_partition, result_offset, noted_at
        from refusals ${where} order by id desc limit ${bounded(limit)}`;
      return (await rows<RefusalRow>(text, values)).map(refusalOf);
    },

    async requests({ kind, businessKey, engine, state, ids, after, limit }) {
      const { where, values } = conditions([
        ['business_key =', businessKey],
        ['kind =', kind],
        ['engine =', engine],
        ['state =', state],
        ['id <', after],
      ]);
      // An array takes a function around its place.
      const named =
        ids === undefined ? '' : `${where === '' ? 'where' : ' and'} id = any($${values.push(ids)}::bigint[])`;
      const text = `select id, kind, business_key, engine, state, reason, requested_by, requested_at, requested_position,
          attempts, due_at, up_to, source_partition, source_offset, finished_at, finished_position, code, message
        from reprocessing_requests ${where}${named} order by id desc limit ${bounded(limit)}`;
      return (await rows<RequestRow>(text, values)).map(requestOf);
    },

    async evidence(keys) {
      const text = `select r.kind, r.business_key, r.engine, r.position, r.cause, r.evidence ->> 'digest' as digest,
          r.evidence ->> 'events' as events, r.evidence ->> 'duplicates_dropped' as duplicates,
          r.evidence ->> 'max_event_time' as max_event_time
        from unnest($1::text[], $2::text[], $3::text[]) as k(kind, business_key, engine) join results r using (kind, business_key, engine)`;
      const values = [keys.map((k) => k.kind), keys.map((k) => k.businessKey), keys.map((k) => k.engine)];
      return (await rows<EvidenceRow>(text, values)).map(evidenceOf);
    },

    async decision({ kind, businessKey, engine }) {
      const [row] = await rows<{ position: string; decided: string | null; first_position: string | null }>(
        'select position, decided, first_position from results where kind = $1 and business_key = $2 and engine = $3',
        [kind, businessKey, engine],
      );
      if (row === undefined) return null;
      const first = row.first_position;
      return {
        position: position(row.position),
        decided: row.decided,
        firstPosition: first === null ? null : position(first),
      };
    },
  };
}
