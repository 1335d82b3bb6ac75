/**
 * The queue of requests in Postgres. Servers share it: whoever claims a request moves its due time ahead, so that another takes
 * it up only if nothing has come of it by then. Working on one twice costs time and changes nothing. SQL only.
 */
import type { Pool } from 'pg';
import type { ProcessingEngine } from '../words.js';
import { createSweep } from './sweep.js';

export interface Claimed {
  readonly id: string;
  readonly nonce: string;
  readonly kind: string;
  readonly businessKey: string;
  readonly engine: ProcessingEngine;
  readonly requestedBy: string;
  readonly attempts: number;
  /** The partition of an event that was dropped, if that is why. */
  readonly sourcePartition: number | null;
  /** Of a result that has no row, if who asks knows it. */
  readonly symbol: string | null;
  /** As it is stored; null: there is no row of it. */
  readonly row: {
    readonly pipeline: string;
    readonly topic: string;
    readonly partition: number;
    readonly revision: number;
    readonly final: boolean;
    readonly low: boolean;
    readonly symbol: string | null;
    readonly sourcePartitions: readonly number[];
    readonly keyMoved: boolean;
  } | null;
}

interface ClaimedRow {
  id: string;
  nonce: string;
  kind: string;
  business_key: string;
  engine: ProcessingEngine;
  requested_by: string;
  attempts: number;
  source_partition: number | null;
  pipeline: string | null;
  result_topic: string;
  result_partition: number;
  revision: number;
  final: boolean;
  low: boolean;
  symbol: string | null;
  asked_symbol: string | null;
  covered: string[] | null;
  key_moved: boolean;
}

const claimedOf = (row: ClaimedRow): Claimed => ({
  id: row.id,
  nonce: row.nonce,
  kind: row.kind,
  businessKey: row.business_key,
  engine: row.engine,
  requestedBy: row.requested_by,
  attempts: row.attempts,
  sourcePartition: row.source_partition,
  symbol: row.asked_symbol,
  row:
    row.pipeline === null
      ? null
      : {
          pipeline: row.pipeline,
          topic: row.result_topic,
          partition: row.result_partition,
          revision: row.revision,
          final: row.final,
          low: row.low,
          symbol: row.symbol,
          sourcePartitions: (row.covered ?? []).map(Number),
          keyMoved: row.key_moved,
        },
});

/** Persons first, then what ingest found wrong, then what a restart touched. */
const CLAIM = `
  with due as (
    select id from reprocessing_requests where state = 'OPEN' and due_at <= now()
    order by array_position(array['person', 'ingest', 'sweep'], requested_by), due_at, id limit $1
    for update skip locked
  ), taken as (
    update reprocessing_requests r set due_at = now() + $2 * interval '1 ms', attempts = r.attempts + 1
    from due where r.id = due.id returning r.*
  )
  select t.id, t.nonce, t.kind, t.business_key, t.engine, t.requested_by, t.attempts, t.source_partition, t.symbol as asked_symbol,
    r.pipeline, r.result_topic, r.result_partition, r.revision, r.final, r.cap = 'LOW' as low,
    r.calculated_value ->> 'symbol' as symbol, 'VIOLATION_SOURCE_KEY_MOVED' = any(r.reasons) as key_moved,
    (select array_agg(p) from jsonb_object_keys(r.evidence::jsonb -> 'coverage') p) as covered
  from taken t left join results r on r.kind = t.kind and r.business_key = t.business_key and r.engine = t.engine`;

export interface Queue {
  /** @param leaseMs nobody else takes them up before */
  claim(limit: number, leaseMs: number): Promise<readonly Claimed[]>;
  /** Still at work on them. */
  renew(ids: readonly string[], leaseMs: number): Promise<void>;
  /** Answered; if ingest does not take the answers in within `retryMs`, they are due again. */
  emitted(ids: readonly string[], upTo: Readonly<Record<string, number>>, retryMs: number): Promise<void>;
  /** Due again after a while that grows with the attempts, or failed after `most` of them. */
  later(ids: readonly string[], code: string, message: string, most: number): Promise<void>;
  fail(ids: readonly string[], code: string, message: string): Promise<void>;
  /** Makes requests of what can be repaired and is not asked for, at most as many. @returns how many */
  sweep(kinds: readonly string[], limit: number): Promise<number>;
  resultPartitions(topic: string): Promise<number>;
  /** As far as the processors have named them; 0: none has yet. */
  sourcePartitions(): Promise<number>;
}

export function createQueue(pool: Pool): Queue {
  return {
    async claim(limit, leaseMs) {
      const { rows } = await pool.query<ClaimedRow>(CLAIM, [limit, leaseMs]);
      return rows.map(claimedOf);
    },
    async renew(ids, leaseMs) {
      await pool.query(
        `update reprocessing_requests set due_at = now() + $2 * interval '1 ms' where id = any($1::bigint[]) and state = 'OPEN'`,
        [ids, leaseMs],
      );
    },
    async emitted(ids, upTo, retryMs) {
      await pool.query(
        `update reprocessing_requests set up_to = $2, due_at = now() + $3 * interval '1 ms', code = null, message = null
         where id = any($1::bigint[]) and state = 'OPEN'`,
        [ids, JSON.stringify(upTo), retryMs],
      );
    },
    async later(ids, code, message, most) {
      await pool.query(
        `update reprocessing_requests set code = $2, message = $3,
           due_at = now() + least(power(2, least(attempts, 10)), 120) * interval '1 second',
           state = case when attempts >= $4 then 'FAILED' else state end,
           finished_at = case when attempts >= $4 then now() end,
           finished_position = case when attempts >= $4 then (select position from commit_clock) end
         where id = any($1::bigint[]) and state = 'OPEN'`,
        [ids, code, message, most],
      );
    },
    async fail(ids, code, message) {
      await pool.query(
        `update reprocessing_requests set state = 'FAILED', code = $2, message = $3, finished_at = now(),
           finished_position = (select position from commit_clock)
         where id = any($1::bigint[]) and state = 'OPEN'`,
        [ids, code, message],
      );
    },
    sweep: createSweep(pool),
    async sourcePartitions() {
      const { rows } = await pool.query<{ n: number }>(
        `select coalesce(max(p::int) + 1, 0) as n from pipeline_facts, json_object_keys(facts -> 'assignments') p`,
      );
      return rows[0]?.n ?? 0;
    },
    async resultPartitions(topic) {
      const { rows } = await pool.query<{ n: string }>('select count(*) as n from ingest_offsets where topic = $1', [
        topic,
      ]);
      return Number(rows[0]?.n ?? 0);
    },
  };
}
