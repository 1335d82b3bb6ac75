/** Dead letters in Postgres: how they are written, and which of them are still held against results. SQL only. */
import type { ClientBase } from 'pg';
import type { ResultKey } from '../position/commit-log.js';
import type { ProcessingEngine } from '../words.js';
import { INGEST, type DeadLetter } from './decode.js';
import { lossId, type Loss } from './losses.js';
import type { Tick } from './port.js';

export async function writeDeadLetters(client: ClientBase, tick: Tick, letters: readonly DeadLetter[]): Promise<void> {
  for (const letter of letters) {
    await client.query({
      name: 'write-dead-letter',
      text: `insert into dead_letters (position, changed_position, topic, partition, record_offset, kafka_key, cause, message, payload, truncated, reported_by)
             values ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
      values: [
        tick.position,
        letter.topic,
        letter.partition,
        letter.offset,
        letter.kafkaKey,
        letter.cause,
        letter.message,
        letter.payload,
        letter.truncated,
        letter.reportedBy,
      ],
    });
  }
}

/**
 * Whether a loss is settled. An engine may keep only the last of several marks (processing/kafka-only/lost.ts), so one stands
 * for those of the same Kafka key before it, too. One that is not known here is not settled.
 */
export const SETTLED = (pipeline: string, partition: string, offset: string): string => `exists (
  select from dead_letters l
  where l.reported_by = ${pipeline} and l.partition = ${partition} and l.record_offset = ${offset} and l.settled_position is not null
    and not exists (
      select from dead_letters e
      where e.settled_position is null and e.reported_by = l.reported_by and e.topic = l.topic and e.partition = l.partition
        and e.kafka_key is not distinct from l.kafka_key and e.record_offset < l.record_offset))`;

export async function readSettledLosses(client: ClientBase, losses: readonly Loss[]): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ pipeline: string; partition: number; record_offset: string }>({
    name: 'settled-losses',
    text: `select distinct k.pipeline, k.partition, k.record_offset
           from unnest($1::text[], $2::int[], $3::bigint[]) as k(pipeline, partition, record_offset)
           where ${SETTLED('k.pipeline', 'k.partition', 'k.record_offset')}`,
    values: [
      losses.map(({ pipeline }) => pipeline),
      losses.map(({ partition }) => partition),
      losses.map(({ offset }) => offset),
    ],
  });
  return new Set(
    rows.map(({ pipeline, partition, record_offset: offset }) =>
      lossId({ pipeline, partition, offset: Number(offset) }),
    ),
  );
}

/** A letter as it is worked off. */
export interface StoredLetter {
  readonly id: bigint;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly kafkaKey: string | null;
  readonly payload: Buffer | null;
  readonly truncated: boolean;
  readonly state: 'OPEN' | 'REPLAYED' | 'DISMISSED';
  readonly reportedBy: string;
  readonly replay: { readonly partition: number; readonly offset: bigint } | null;
}

interface LetterRow {
  id: string;
  topic: string;
  partition: number;
  record_offset: string;
  kafka_key: string | null;
  payload: Buffer | null;
  truncated: boolean;
  state: StoredLetter['state'];
  reported_by: string;
  replay_partition: number | null;
  replay_offset: string | null;
}

const letterOf = (row: LetterRow): StoredLetter => ({
  id: BigInt(row.id),
  topic: row.topic,
  partition: row.partition,
  offset: BigInt(row.record_offset),
  kafkaKey: row.kafka_key,
  payload: row.payload,
  truncated: row.truncated,
  state: row.state,
  reportedBy: row.reported_by,
  replay:
    row.replay_partition === null || row.replay_offset === null
      ? null
      : { partition: row.replay_partition, offset: BigInt(row.replay_offset) },
});

type Client = Pick<ClientBase, 'query'>;

export async function readLetters(client: Client, ids: readonly bigint[]): Promise<StoredLetter[]> {
  const { rows } = await client.query<LetterRow>(
    'select * from dead_letters where id = any($1::bigint[]) order by id',
    [ids],
  );
  return rows.map(letterOf);
}

/** All reports of one record, locked: who replays another of them waits, and then finds where the replay lies. */
export async function lockReports(
  client: Client,
  { topic, partition, offset }: Pick<StoredLetter, 'topic' | 'partition' | 'offset'>,
): Promise<StoredLetter[]> {
  const { rows } = await client.query<LetterRow>(
    'select * from dead_letters where topic = $1 and partition = $2 and record_offset = $3 order by id for update',
    [topic, partition, offset],
  );
  return rows.map(letterOf);
}

export async function noteReplay(
  client: Client,
  ids: readonly bigint[],
  { partition, offset }: NonNullable<StoredLetter['replay']>,
): Promise<void> {
  await client.query(
    `update dead_letters set state = 'REPLAYED', replay_partition = $2, replay_offset = $3
     where id = any($1::bigint[]) and state = 'OPEN'`,
    [ids, partition, offset],
  );
}

/** From this position on they are held against nothing. What is in a result topic itself lowered no row that is stored. */
export async function noteSettled(
  client: Client,
  ids: readonly bigint[],
  state: 'REPLAYED' | 'DISMISSED',
  tick: Tick,
): Promise<void> {
  await client.query(
    `update dead_letters set state = $2, settled_position = $3, changed_position = $3, raised = reported_by = '${INGEST}'
     where id = any($1::bigint[]) and settled_position is null`,
    [ids, state, tick.position],
  );
}

/** Replayed source records that are not settled, locked; those that another server works on are left to it. */
export async function lockReplayed(client: Client): Promise<StoredLetter[]> {
  const { rows } = await client.query<LetterRow>(
    `select * from dead_letters where state = 'REPLAYED' and not raised and settled_position is null
     order by id limit 500 for update skip locked`,
  );
  return rows.map(letterOf);
}

/** Settled letters whose rows may still be lowered. */
export async function readUnraised(client: Client): Promise<{ id: bigint; reportedBy: string }[]> {
  const { rows } = await client.query<{ id: string; reported_by: string }>(
    `select id, reported_by from dead_letters where state <> 'OPEN' and not raised and settled_position is not null order by id`,
  );
  return rows.map((row) => ({ id: BigInt(row.id), reportedBy: row.reported_by }));
}

/**
 * Results of the partition that are lowered for undecodable records, all of which are settled. One that does not say which
 * they were is not among them: nothing can be taken back then.
 */
export async function readRaisable(
  client: Client,
  topic: string,
  partition: number,
  limit: number,
): Promise<ResultKey[]> {
  // An offset beyond what a number holds exactly is no record's.
  const offset = `case when o.value::numeric <= 9007199254740991 then o.value::numeric::bigint else -1 end`;
  const { rows } = await client.query<{ kind: string; business_key: string; engine: ProcessingEngine }>(
    `select r.kind, r.business_key, r.engine from results r
     where r.result_topic = $1 and r.result_partition = $2 and r.reasons @> array['VIOLATION_DEAD_LETTER']
       and coalesce(r.evidence -> 'lost', '{}') <> '{}'
       and not exists (
         select from jsonb_each(r.evidence -> 'lost') p(partition, offsets), jsonb_array_elements(p.offsets) o(value)
         where not ${SETTLED('r.pipeline', 'p.partition::int', offset)})
     limit $3`,
    [topic, partition, limit],
  );
  return rows.map((row) => ({ kind: row.kind, businessKey: row.business_key, engine: row.engine }));
}
