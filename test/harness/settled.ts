import { Pool } from 'pg';
import { MongoClient } from 'mongodb';
import { installKafka } from '../../stack/install/kafka.js';
import { environmentPaths } from '../../stack/paths.js';
import { linesOn } from '../../stack/progress.js';
import { endOffsets, readTopic, type ReadRecord } from './kafka.js';
import { eventually } from './eventually.js';
import { ask } from './graphql.js';
import type { TestStack } from './stack.js';

/** Kafka's jars, for the Java console consumer. */
export async function kafkaClasspath(): Promise<string> {
  const step = linesOn(() => undefined).step('kafka');
  const { lib } = await installKafka(environmentPaths().cache, step, new AbortController().signal);
  return `${lib}/*`;
}

export interface TruthRow {
  readonly business_key: string;
  readonly calculated_value: Record<string, unknown>;
  readonly cap: string;
  readonly reasons: string[];
  readonly stale: boolean;
  readonly final: boolean;
  /** An absence that something is held against has no value. */
  readonly deleted: boolean;
  readonly run: string;
}

export async function truthRows(url: string, kind = 'order_window'): Promise<Map<string, TruthRow>> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    const { rows } = await pool.query<TruthRow>(
      'select business_key, calculated_value, cap, reasons, stale, final, deleted, run from results where kind = $1',
      [kind],
    );
    return new Map(rows.map((row) => [row.business_key, row]));
  } finally {
    await pool.end();
  }
}

/** The documents of the collection that the read model is bound to, by its own driver. */
export async function mongoRows(url: string, kind = 'order_window'): Promise<Map<string, Record<string, unknown>>> {
  const client = new MongoClient(url);
  try {
    const meta = await client.db('tidemark').collection('tidemark_meta').findOne({});
    const documents = await client.db('tidemark').collection(String(meta?.['collection'])).find({ kind }).toArray();
    return new Map(documents.map((document) => [String(document['business_key']), document]));
  } finally {
    await client.close();
  }
}

/** Every event that is in the source topic now has been counted, stored and applied: by the numbers, not by waiting. */
export async function settle(stack: TestStack, timeoutMs = 90_000): Promise<void> {
  const ends = await endOffsets(stack.kafkaBrokers, 'orders.events');
  const pool = new Pool({ connectionString: stack.postgresUrl, max: 1 });
  try {
    // Each result partition's heartbeats say up to where every change has been emitted before them.
    const position = await eventually(
      async () => {
        const { rows } = await pool.query<{ facts: Facts; position: string }>(
          'select f.facts, c.position from pipeline_facts f, commit_clock c',
        );
        expect(rows).not.toHaveLength(0);
        for (const { facts } of rows) {
          for (const [p, end] of ends.entries()) {
            const { run } = facts.assignments[p] ?? { run: '' };
            expect(facts.heartbeats[run]?.sources[p]?.nextOffset ?? -1).toBeGreaterThanOrEqual(end);
          }
        }
        return BigInt(rows[0]?.position ?? 0);
      },
      { timeoutMs, everyMs: 200 },
    );
    await eventually(
      async () => {
        const client = new MongoClient(stack.mongoUrl);
        try {
          const meta = await client.db('tidemark').collection('tidemark_meta').findOne({});
          expect(BigInt(String(meta?.['position']))).toBeGreaterThanOrEqual(position);
        } finally {
          await client.close();
        }
      },
      { timeoutMs, everyMs: 200 },
    );
  } finally {
    await pool.end();
  }
}

/** Postgres' `lastCdcSyncTime` is the read models' minimum: unknown until the slowest of them has been heard of once. */
export async function allHeard(stack: TestStack): Promise<void> {
  const query = '{ orderWindows(last: 1) @consistency(scope: STRONG) { contract { lastCdcSyncTime } } }';
  const heard = async (): Promise<void> => {
    const { data } = await ask(stack.graphqlUrl, query);
    expect(data.orderWindows).toEqual({ contract: { lastCdcSyncTime: expect.any(String) } });
  };
  await eventually(heard, { timeoutMs: 60_000, everyMs: 200 });
}

interface Facts {
  readonly assignments: Record<string, { run: string }>;
  readonly heartbeats: Record<string, { sources: Record<string, { nextOffset: number }> }>;
}

/** Everything in the result topic now, in order per partition. */
export async function resultMessages(stack: TestStack): Promise<(ReadRecord & { message: Message })[]> {
  const count = (await endOffsets(stack.kafkaBrokers, 'results.kafka-only')).reduce((a, b) => a + b, 0);
  const records = await readTopic(stack.kafkaBrokers, 'results.kafka-only', count, 60_000);
  return records.map((record) => ({ ...record, message: JSON.parse(record.value ?? '{}') as Message }));
}

export interface Message {
  readonly kind: string;
  readonly business_key: string;
  readonly run: { readonly id: string };
  readonly final?: boolean;
  readonly calculated_value: Record<string, unknown>;
  readonly evidence?: { readonly coverage?: Record<string, [number, number]> };
}
