/** Dead letters in Postgres: how they are written, and which of them are still held against results. SQL only. */
import type { ClientBase } from 'pg';
import type { DeadLetter } from './decode.js';
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
