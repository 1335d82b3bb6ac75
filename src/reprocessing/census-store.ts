/** Censuses in Postgres (ADR 19): which are due, what is missing, what came of them. SQL only. */
import type { Pool } from 'pg';
import type { ProcessingEngine } from '../words.js';
import type { Made } from './census.js';

export interface Due {
  readonly pipeline: string;
  readonly topic: string;
  readonly partition: number;
  readonly lossOffset: number;
  readonly engine: ProcessingEngine;
  /** Of the first look; null: this is the first. */
  readonly upTo: Readonly<Record<string, number>> | null;
}

/** Of one page, or of several. */
export interface Lack {
  /** Without a row, or closed before their newest event. */
  readonly missing: number;
  /** Of these, the ones that were asked for since the loss, and could not be recomputed. */
  readonly failed: number;
}

/** Losses that nobody has looked after. One that was noticed later takes the place of the one before. */
const NOTICE = `
  insert into loss_censuses as c (pipeline, result_topic, result_partition, engine, loss_offset)
  select pipeline, result_topic, result_partition, engine, (facts ->> 'lossOffset')::bigint from pipeline_facts
  where facts ->> 'lossOffset' is not null
    and coalesce((facts #>> '{recovered,offset}')::bigint, -1) < (facts ->> 'lossOffset')::bigint
  on conflict (pipeline, result_topic, result_partition) do update set loss_offset = excluded.loss_offset, state = 'OPEN',
    noticed_at = now(), up_to = null, due_at = now(), attempts = 0, missing = null, finished_at = null, code = null, message = null
  where c.loss_offset <> excluded.loss_offset`;

/** Not while results that it asked for are being recomputed: it would only find them again. */
const CLAIM = `
  with due as (
    select c.pipeline, c.result_topic, c.result_partition from loss_censuses c
    where c.state = 'OPEN' and c.due_at <= now() and (c.up_to is null or not exists (
      select from reprocessing_requests q where q.state = 'OPEN' and q.symbol is not null and q.engine = c.engine))
    order by c.due_at limit $2 for update skip locked
  )
  update loss_censuses c set due_at = now() + $1 * interval '1 ms', attempts = c.attempts + 1 from due
  where c.pipeline = due.pipeline and c.result_topic = due.result_topic and c.result_partition = due.result_partition
  returning c.pipeline, c.result_topic as topic, c.result_partition as partition, c.loss_offset::float8 as "lossOffset", c.engine,
    c.up_to as "upTo"`;

const OF = `pipeline = $1 and result_topic = $2 and result_partition = $3 and loss_offset = $4 and state = 'OPEN'`;

/**
 * What has expired is not missing (ADR 10). A closed result that does not cover its newest event: that this was dropped may have
 * been lost, too. All other rows from before the loss are the sweep's.
 */
const MISSING = `
  select k.*, exists (select from reprocessing_requests q where q.kind = k.kind and q.business_key = k.business_key
    and q.engine = $1 and q.state = 'FAILED' and q.finished_at >= $7) as failed
  from unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $8::text[])
    as k(kind, business_key, symbol, source_partition, source_offset, event_time)
  left join results r on r.kind = k.kind and r.business_key = k.business_key and r.engine = $1
  left join expired_kinds e on e.kind = k.kind and e.engine = $1
  where case when r.kind is null then e.kind is null or k.event_time > e.until
    else r.final and r.cap <> 'LOW' and k.source_offset >= greatest(
      (r.evidence::json #>> array['coverage', k.source_partition::text, '1'])::bigint + 1,
      case when r.cause = 'REPROCESSED' then (r.evidence::json #>> array['verified_to', k.source_partition::text])::bigint end, 0) end`;

/** Not worked on before the look is over: it may show that they can't be recomputed. */
const ASK = `
  with missing as (${MISSING}), asked as (
    insert into reprocessing_requests (kind, business_key, engine, reason, requested_position, requested_by, symbol,
      source_partition, source_offset, due_at)
    select kind, business_key, $1, 'VIOLATION_OUTPUT_GAP', (select position from commit_clock), 'sweep', symbol, source_partition,
      source_offset, now() + interval '1 hour'
    from missing where not failed order by kind, business_key limit $9 on conflict do nothing)
  select count(*)::int as missing, count(*) filter (where failed)::int as failed from missing`;

/** What has come by itself since: its record was on its way. */
const WITHDRAW = `
  delete from reprocessing_requests q using results r
  where q.state = 'OPEN' and q.symbol is not null and q.requested_by = 'sweep' and q.up_to is null and q.due_at <= now()
    and r.kind = q.kind and r.business_key = q.business_key and r.engine = q.engine and r.cap <> 'LOW' and r.cause <> 'REPROCESSED'
    and coalesce((r.evidence::json #>> array['coverage', q.source_partition::text, '1'])::bigint, -1) >= q.source_offset`;

export interface CensusStore {
  /** Writes down losses that are new, and withdraws requests for what has come meanwhile. */
  notice(): Promise<void>;
  /** Those that are due, at most so many; nobody else takes them up before the lease ends. */
  claim(leaseMs: number, most: number): Promise<readonly Due[]>;
  renew(due: Due, leaseMs: number): Promise<void>;
  /** Asks for what is missing of these, at most `most`. */
  ask(due: Due, made: readonly Made[], most: number): Promise<Lack>;
  /** Of what was asked for and waits for the look to end: it is due so much later, or withdrawn if it is of these symbols. */
  release(due: Due, afterMs: number, moved: readonly string[]): Promise<void>;
  /** Looked once, as far as `upTo`: again after so long, or when what it asked for is done. */
  again(due: Due, upTo: Readonly<Record<string, number>>, missing: number, afterMs: number): Promise<void>;
  done(due: Due): Promise<void>;
  fail(due: Due, missing: number | null, code: string, message: string): Promise<void>;
}

const placeOf = ({ pipeline, topic, partition, lossOffset }: Due): unknown[] => [
  pipeline,
  topic,
  partition,
  lossOffset,
];

export function createCensusStore(pool: Pool): CensusStore {
  const noticedAt = async (due: Due): Promise<Date | undefined> =>
    (await pool.query<{ at: Date }>(`select noticed_at as at from loss_censuses where ${OF}`, placeOf(due))).rows[0]
      ?.at;
  return {
    async notice() {
      await pool.query(NOTICE);
      await pool.query(WITHDRAW);
    },
    async claim(leaseMs, most) {
      return (await pool.query<Due>(CLAIM, [leaseMs, most])).rows;
    },
    async renew(due, leaseMs) {
      const values = [...placeOf(due), leaseMs];
      await pool.query(`update loss_censuses set due_at = now() + $5 * interval '1 ms' where ${OF}`, values);
    },
    async ask(due, made, most) {
      const { rows } = await pool.query<Lack>(ASK, [
        due.engine,
        made.map(({ kind }) => kind),
        made.map(({ businessKey }) => businessKey),
        made.map(({ symbol }) => symbol),
        made.map(({ partition }) => partition),
        made.map(({ offset }) => offset),
        (await noticedAt(due)) ?? new Date(),
        made.map(({ eventTime }) => eventTime),
        most,
      ]);
      return rows[0] ?? { missing: 0, failed: 0 };
    },
    async release({ engine }, afterMs, moved) {
      const waiting = `state = 'OPEN' and symbol is not null and engine = $1 and attempts = 0`;
      await pool.query(
        `delete from reprocessing_requests where ${waiting} and requested_by = 'sweep' and symbol = any($2)`,
        [engine, moved],
      );
      await pool.query(
        `update reprocessing_requests set due_at = least(due_at, now() + $2 * interval '1 ms') where ${waiting}`,
        [engine, afterMs],
      );
    },
    async again(due, upTo, missing, afterMs) {
      await pool.query(
        `update loss_censuses set up_to = $5, missing = $6, due_at = now() + $7 * interval '1 ms' where ${OF}`,
        [...placeOf(due), JSON.stringify(upTo), missing, afterMs],
      );
    },
    async done(due) {
      await pool.query(
        `update loss_censuses set state = 'DONE', missing = 0, finished_at = now() where ${OF}`,
        placeOf(due),
      );
    },
    async fail(due, missing, code, message) {
      await pool.query(
        `update loss_censuses set state = 'FAILED', missing = $5, code = $6, message = $7, finished_at = now() where ${OF}`,
        [...placeOf(due), missing, code, message],
      );
    },
  };
}
