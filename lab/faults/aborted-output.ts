/**
 * Somebody writes results that are wrong into a result topic, in a transaction, and aborts it: as an engine does that noticed
 * itself that it must not have written them. Nobody who reads what is committed may ever see them.
 */
import { randomUUID } from 'node:crypto';
import kafkajs, { type Kafka } from 'kafkajs';
import { TOPIC_RESULTS_KAFKA_ONLY } from '../../wire/topics.js';
import type { Fault, LabTarget } from './fault.js';

/** Until the engine has sent a window that can be made wrong. */
const LIMIT_MS = 60_000;

interface Copied {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly message: Result;
}

interface Result {
  readonly kind: string;
  readonly seq: number;
  readonly final: boolean;
  readonly calculated_value: Readonly<Record<string, unknown>> | null;
  readonly evidence: { readonly coverage: Readonly<Record<string, readonly [number, number]>> };
}

/** The same result with a thousand orders more, as the next of its sender, of one source record more. Pure. */
export function forged(message: Result): Result {
  const { calculated_value: value, evidence, seq } = message;
  const coverage = Object.fromEntries(
    Object.entries(evidence.coverage).map(([partition, [first, last]]) => [partition, [first, last + 1] as const]),
  );
  return {
    ...message,
    seq: seq + 1,
    calculated_value: { ...value, orders_total: Number(value?.['orders_total']) + 1_000 },
    evidence: { ...evidence, coverage },
  };
}

export function abortedOutput(target: LabTarget): Fault {
  let on = false;
  return {
    name: 'aborted-output results',
    inject: async () => {
      on = true;
      const kafka = new kafkajs.Kafka({
        clientId: 'tidemark-lab-aborted',
        brokers: target.kafkaBrokers.split(','),
        logLevel: kafkajs.logLevel.NOTHING,
      });
      await writeAndAbort(kafka, await nextWindow(kafka));
    },
    heal: async () => {
      on = false;
    },
    isActive: async () => on,
  };
}

async function writeAndAbort(kafka: Kafka, { partition, key, message }: Copied): Promise<void> {
  const producer = kafka.producer({ transactionalId: `tidemark-lab-${randomUUID()}`, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    const value = JSON.stringify(forged(message));
    await transaction.send({ topic: TOPIC_RESULTS_KAFKA_ONLY, acks: -1, messages: [{ partition, key, value }] });
    await transaction.abort();
  } finally {
    await producer.disconnect();
  }
}

/** The next window that the Kafka-only engine sends. */
async function nextWindow(kafka: Kafka): Promise<Copied> {
  const consumer = kafka.consumer({ groupId: `tidemark-lab-${randomUUID()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  let timer: NodeJS.Timeout | undefined;
  try {
    await consumer.subscribe({ topic: TOPIC_RESULTS_KAFKA_ONLY, fromBeginning: false });
    return await new Promise<Copied>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the Kafka-only engine sends no windows')), LIMIT_MS);
      void consumer.run({
        autoCommit: false,
        eachMessage: async ({ partition, message: { key, value } }) => {
          const message = JSON.parse(value?.toString() ?? 'null') as Result;
          if (message.kind === 'order_window' && !message.final) resolve({ partition, key, message });
        },
      });
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
}
