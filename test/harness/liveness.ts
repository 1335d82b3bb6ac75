/** Trials of liveness on a stack of a test, or of a soak. */
import { Pool } from 'pg';
import { clockEnvironment } from '../../lab/faults/clock-offset.js';
import { atRest, kinds } from '../../lab/liveness/kinds.js';
import { trial, untilRest, type Trial } from '../../lab/liveness/trials.js';
import type { AppOverride } from '../../stack/apps.js';
import { ask } from './graphql.js';
import { transactionalProducer } from './kafka.js';
import { OrderWriter } from './order-writer.js';
import type { TestStack } from './stack.js';

const PIPELINE = 'orders-kafka-only';
const RESULTS = 'results.kafka-only';

/** What the server of the stack is started with. */
export const clockOf = (file: string): AppOverride => ({ env: clockEnvironment(file) });

/** `rounds` of every kind, one after the other. @param told after each */
export async function livenessTrials(
  stack: TestStack,
  clockFile: string,
  rounds: number,
  told: (trial: Trial) => void,
): Promise<Trial[]> {
  let offMs = 0;
  const writer = await OrderWriter.connect(stack.kafkaBrokers);
  const producer = await transactionalProducer(stack.kafkaBrokers, 'liveness-trials', 600_000);
  let open: Awaited<ReturnType<typeof producer.transaction>> | null = null;
  const options = {
    target: stack,
    clockFile,
    pipeline: PIPELINE,
    hanging: {
      begin: async () => {
        open = await producer.transaction();
        await open.send({ topic: RESULTS, messages: [{ key: 'hangs', value: '{}', partition: 0 }] });
      },
      abort: async () => {
        await open?.abort();
        open = null;
      },
    },
    applied: async () => {
      const { data } = await ask(stack.graphqlUrl, '{ stores { store appliedPosition } }');
      const stores = data.stores as { store: string; appliedPosition: string | null }[];
      const known = stores.filter(({ store }) => store !== 'POSTGRES').map((one) => BigInt(one.appliedPosition ?? 0));
      return known.reduce((most, one) => (one > most ? one : most), 0n);
    },
    write: async () => void (await writer.write('LIVE-1')),
    shifted: (ms: number) => void (offMs = ms),
  };
  const at = { graphqlUrl: stack.graphqlUrl, rest: () => atRest(PIPELINE, offMs) };
  const trials: Trial[] = [];
  try {
    // The pipeline is heard of once there was an event.
    await options.write();
    for (let round = 0; round < rounds; round += 1) {
      for (const kind of kinds(options, round % 2 === 0 ? 1 : -1)) {
        const one = await trial(kind, at);
        trials.push(one);
        told(one);
      }
    }
    await untilRest(at);
  } finally {
    await writer.close();
    await producer.disconnect();
  }
  return trials;
}

/** Why changes did not arrive, in the order in which clients have to be told; a slot that nobody reads is counted apart. */
export const causesOf = (trials: readonly Trial[]): string[] =>
  trials.flatMap(({ becomes }) => (CAUSES.has(becomes) ? [becomes] : []));
const CAUSES = new Set(['CONNECTOR_PAUSED', 'TASK_FAILED']);

/**
 * What they were told; that nothing arrives and nobody knows why is always allowed. While a task is begun anew, as it is to mend most of
 * this, nobody reads its slot and Connect says RUNNING: that is told, too, where it lasts.
 */
export async function toldCauses(postgresUrl: string): Promise<{ readonly causes: string[]; readonly unread: number }> {
  const pool = new Pool({ connectionString: postgresUrl, max: 1 });
  try {
    const { rows } = await pool.query<{ reasons: string[] }>(
      `select reasons from staleness_events where type = 'CDC_PAUSED' order by position, ordinal`,
    );
    const all = rows.flatMap(({ reasons }) => reasons);
    const causes = all.filter((cause) => cause !== 'SLOT_UNREAD');
    return { causes, unread: all.length - causes.length };
  } finally {
    await pool.end();
  }
}
