/** What ingest wrote down beside the results, for people and clients: staleness events and dead letters. */
import type { Pool } from 'pg';
import { AppError } from '../../errors.js';
import { micros, position } from '../../position/position.js';
import type { ConfidenceLevel, ProcessingEngine, StalenessEventType, Store } from '../../words.js';
import {
  DEAD_LETTER_BYTES,
  type DeadLetterReader,
  type EventPage,
  type EventQuery,
  type EventReader,
  type HistoryReader,
  type StalenessEvent,
  type StoredDeadLetter,
} from '../port.js';

const MAX_LIMIT = 501;
const bounded = (limit: number): number => Math.min(Math.max(limit, 0), MAX_LIMIT);

/** Of one snapshot, beside the event; without an event, `position` is null. */
interface EventRow {
  clock: string;
  clock_at_us: string;
  now_incarnation: string;
  at_found: boolean;
  at_incarnation: string | null;
  incarnation: string | null;
  pruned_position: string;
  pruned_ordinal: number;
  position: string | null;
  ordinal: number;
  type: StalenessEventType;
  committed_at_us: string;
  store: Store | null;
  pipeline: string | null;
  run: string | null;
  engine: ProcessingEngine | null;
  kind: string | null;
  business_key: string | null;
  symbol: string | null;
  level_before: ConfidenceLevel | null;
  level_after: ConfidenceLevel | null;
  reasons: string[];
  message: string;
  decided: string | null;
}

interface LetterRow {
  id: string;
  position: string;
  topic: string;
  partition: number;
  record_offset: string;
  kafka_key: string | null;
  cause: string;
  message: string;
  payload: Buffer | null;
  truncated: boolean;
  state: string;
  reported_by: string;
  noted_at: Date;
  replay_partition: number | null;
  replay_offset: string | null;
  settled_position: string | null;
}

const eventOf = (row: EventRow & { position: string }): StalenessEvent => ({
  position: position(row.position),
  ordinal: row.ordinal,
  incarnation: row.incarnation,
  type: row.type,
  at: micros(row.committed_at_us),
  store: row.store,
  pipeline: row.pipeline,
  run: row.run,
  engine: row.engine,
  kind: row.kind,
  businessKey: row.business_key,
  symbol: row.symbol,
  levelBefore: row.level_before,
  levelAfter: row.level_after,
  reasons: row.reasons,
  message: row.message,
});

const letterOf = (row: LetterRow): StoredDeadLetter => ({
  id: BigInt(row.id),
  position: position(row.position),
  topic: row.topic,
  partition: row.partition,
  offset: BigInt(row.record_offset),
  kafkaKey: row.kafka_key,
  cause: row.cause,
  message: row.message,
  payload: row.payload,
  truncated: row.truncated,
  state: row.state,
  reportedBy: row.reported_by,
  notedAt: row.noted_at.toISOString(),
  replayPartition: row.replay_partition,
  replayOffset: row.replay_offset === null ? null : BigInt(row.replay_offset),
  settledAt: row.settled_position === null ? null : position(row.settled_position),
});

/** Pure, so that it can be read and tested without a server. One statement: the page and its bounds are of one snapshot. */
export function eventsStatement(q: EventQuery): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const value = (v: unknown): string => `$${values.push(v)}`;
  const where = [
    ...(q.store === undefined ? [] : [`store = ${value(q.store)}`]),
    ...(q.businessKey === undefined ? [] : [`business_key = ${value(q.businessKey)}`]),
    ...(q.kind === undefined ? [] : [`kind = ${value(q.kind)}`]),
    ...(q.symbol === undefined ? [] : [`symbol = ${value(q.symbol)}`]),
    ...(q.after === undefined
      ? []
      : [`(position, ordinal) ${q.descending ? '<' : '>'} (${value(q.after.position)}, ${value(q.after.ordinal)})`]),
    ...(q.upTo === undefined ? [] : [`position <= ${value(q.upTo)}`]),
  ];
  const direction = q.descending ? 'desc' : 'asc';
  const at = q.after ?? { position: 0, ordinal: 0 };
  return {
    text: `select c.position as clock, c.committed_at_us as clock_at_us, c.incarnation as now_incarnation, a.position is not null as at_found, a.incarnation as at_incarnation,
             p.position as pruned_position, p.ordinal as pruned_ordinal, e.*
           from commit_clock c cross join staleness_events_pruned p
           left join lateral (
             select * from staleness_events ${where.length === 0 ? '' : `where ${where.join(' and ')}`}
             order by position ${direction}, ordinal ${direction} limit ${bounded(q.limit)}) e on true
           left join staleness_events a on (a.position, a.ordinal) = (${value(at.position)}, ${value(at.ordinal)})
           order by e.position ${direction}, e.ordinal ${direction}`,
    values,
  };
}

function pageOf(rows: readonly EventRow[]): EventPage {
  const [first] = rows;
  if (first === undefined) throw new Error('commit_clock is empty: the server did not start it');
  return {
    events: rows.flatMap((row) => (row.position === null ? [] : [eventOf({ ...row, position: row.position })])),
    prunedTo: { position: position(first.pruned_position), ordinal: first.pruned_ordinal },
    clock: position(first.clock),
    clockAt: micros(first.clock_at_us),
    incarnation: first.now_incarnation,
    at: first.at_found ? { incarnation: first.at_incarnation } : null,
  };
}

/** What happened to a key: what names it, and what lowers many results at once. From the row's beginning, newest first. */
const HISTORY = `
  select p.position as pruned_position, p.ordinal as pruned_ordinal, h.* from staleness_events_pruned p left join lateral (
    (select * from staleness_events e where e.business_key = $2 and e.kind = $1 and e.engine = $3
      order by e.position desc, e.ordinal desc limit $6)
    union all
    (select * from staleness_events e where e.business_key is null
      and e.position >= coalesce((select first_position from results where kind = $1 and business_key = $2 and engine = $3), 0)
      and (e.pipeline = $4 or e.store = $5 or ($5::text is not null and e.pipeline is null and e.store is null))
      order by e.position desc, e.ordinal desc limit $6)
    order by position desc, ordinal desc limit $6) h on true
  order by h.position desc, h.ordinal desc`;

export function createPostgresLedgers(pool: Pool): EventReader & HistoryReader & DeadLetterReader {
  async function rows<T extends object>(text: string, values: unknown[]): Promise<T[]> {
    try {
      return (await pool.query<T>(text, values)).rows;
    } catch (cause) {
      throw new AppError('STORE_UNAVAILABLE', 'Postgres did not answer.', { retryable: true, outcome: 'none', cause });
    }
  }

  return {
    async events(query) {
      const { text, values } = eventsStatement(query);
      return pageOf(await rows<EventRow>(text, values));
    },

    async history({ kind, businessKey, engine, pipeline, store, limit }) {
      const values = [kind, businessKey, engine, pipeline, store ?? null, bounded(limit)];
      const found = await rows<EventRow>(HISTORY, values);
      const [first] = found;
      if (first === undefined) throw new Error('staleness_events_pruned is empty');
      return {
        events: found.flatMap((row) =>
          row.position === null ? [] : [{ ...eventOf({ ...row, position: row.position }), decided: row.decided }],
        ),
        prunedTo: { position: position(first.pruned_position), ordinal: first.pruned_ordinal },
      };
    },

    async deadLetters({ state, ids, after, limit }) {
      const found = await rows<LetterRow>(
        `select id, position, topic, partition, record_offset, kafka_key, cause, message, state, reported_by, noted_at,
           replay_partition, replay_offset, settled_position,
           substring(payload from 1 for ${DEAD_LETTER_BYTES}) as payload,
           truncated or coalesce(length(payload) > ${DEAD_LETTER_BYTES}, false) as truncated
         from dead_letters
         where ($1::bigint is null or id < $1) and ($2::text is null or state = $2) and ($3::bigint[] is null or id = any($3))
         order by id desc limit ${bounded(limit)}`,
        [after ?? null, state ?? null, ids ?? null],
      );
      return found.map(letterOf);
    },
  };
}
