/** What the server says an engine has lost on its way to it, beside what the recorder has read there itself. */
import pg from 'pg';
import { PIPELINE_KAFKA_ONLY } from '../../wire/topics.js';
import type { Numbering } from './numbering.js';
import type { Output } from './types.js';

interface FactsRow {
  readonly result_partition: number;
  readonly gaps: Readonly<Record<string, number>> | null;
}

/** Of the engine that sends without transactions. */
export async function outputsOf(postgresUrl: string, numbering: Numbering): Promise<Output[]> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    const { rows } = await client.query<FactsRow>(
      `select result_partition, facts->'gaps' as gaps from pipeline_facts where pipeline = $1 order by result_partition`,
      [PIPELINE_KAFKA_ONLY],
    );
    return rows.map(({ result_partition: partition, gaps }) => outputOf(partition, gaps ?? {}, numbering));
  } finally {
    await client.end();
  }
}

/** @param gaps `<run>/<subtask>` → the first number after the loss */
export function outputOf(partition: number, gaps: Readonly<Record<string, number>>, numbering: Numbering): Output {
  const there = Object.entries(gaps).flatMap(([counter, seq]) =>
    numbering.hasAllUpTo(partition, counter, seq) ? [counter] : [],
  );
  return { type: 'output', pipeline: PIPELINE_KAFKA_ONLY, partition, gaps, there };
}
