/**
 * Records that nobody can decode come into the source. They leave results in doubt until a person says what they are: healed,
 * all of them are dismissed.
 */
import kafkajs from 'kafkajs';
import pg from 'pg';
import { partitionOf } from '../../wire/partition.js';
import { TOPIC_ORDERS } from '../../wire/topics.js';
import type { Fault, LabTarget } from './fault.js';

const LIMIT_MS = 90_000;
/** Keys of the generator, one of nobody, and none at all. */
const KEYS: readonly (string | null)[] = ['G000', 'G001', 'NOBODY', null];

interface Place {
  readonly partition: number;
  readonly offset: string;
}

export function poison(target: LabTarget): Fault {
  const written: Place[] = [];
  return {
    name: 'poison source',
    inject: async () => {
      written.push(...(await writePoison(target.kafkaBrokers)));
    },
    heal: async () => {
      await dismiss(target, written);
      written.length = 0;
    },
    isActive: async () => written.length > 0,
  };
}

/** @returns where they stand */
export async function writePoison(brokers: string): Promise<Place[]> {
  const kafka = new kafkajs.Kafka({
    clientId: 'tidemark-lab-poison',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  try {
    const partitions = (await admin.fetchTopicOffsets(TOPIC_ORDERS)).length;
    const places: Place[] = [];
    for (const key of KEYS) {
      const message = { key, value: '{"order_id":"poison', partition: key === null ? 0 : partitionOf(key, partitions) };
      const [sent] = await producer.send({ topic: TOPIC_ORDERS, acks: -1, messages: [message] });
      places.push({ partition: message.partition, offset: sent?.baseOffset ?? '-1' });
    }
    return places;
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}

/** Once every pipeline has reported each of them. @throws Error when one did not, or the server does not take it */
export async function dismiss(target: LabTarget, places: readonly Place[]): Promise<void> {
  if (places.length === 0) return;
  const ids = await reported(target.postgresUrl, places);
  const response = await fetch(target.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: 'mutation ($ids: [ID!]!) { dismissDeadLetter(ids: $ids) { id state } }',
      variables: { ids },
    }),
    signal: AbortSignal.timeout(30_000),
  });
  const { errors } = (await response.json()) as { errors?: readonly { readonly message: string }[] };
  if (errors !== undefined) throw new Error(`dead letters were not dismissed: ${errors[0]?.message}`);
}

async function reported(postgresUrl: string, places: readonly Place[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: postgresUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const end = performance.now() + LIMIT_MS;
    for (;;) {
      const { rows } = await client.query<{ ids: string[] | null; pipelines: string; letters: string }>(
        `select array_agg(d.id) as ids, count(*) as letters, (select count(distinct pipeline) from pipeline_facts) as pipelines
         from dead_letters d join unnest($2::int[], $3::bigint[]) as p(partition, o) on d.partition = p.partition and d.record_offset = p.o
         where d.topic = $1`,
        [TOPIC_ORDERS, places.map(({ partition }) => partition), places.map(({ offset }) => offset)],
      );
      const [found] = rows;
      if (found?.ids != null && Number(found.letters) >= places.length * Number(found.pipelines)) return found.ids;
      if (performance.now() > end) {
        const seen = `${found?.letters ?? 0} of ${places.length} for each of ${found?.pipelines ?? 0} pipelines`;
        throw new Error(`not every pipeline has reported what it could not decode: ${seen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  } finally {
    await client.end();
  }
}
