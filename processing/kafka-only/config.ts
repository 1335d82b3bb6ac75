import { z } from 'zod';
import { TOPIC_ORDERS, TOPIC_RESETS, TOPIC_RESULTS_KAFKA_ONLY } from './wire.js';
import type { Settings } from '../../fold/settings.js';

const ms = (fallback: number): z.ZodDefault<z.ZodCoercedNumber<unknown>> =>
  z.coerce.number().int().positive().default(fallback);

const decimal = (fallback: string): z.ZodDefault<z.ZodString> =>
  z
    .string()
    .regex(/^[0-9]{1,20}(\.[0-9]{1,18})?$/)
    .default(fallback);

/** Every variable the processor reads; README.md says what each does. */
const Env = z.object({
  KAFKA_BROKERS: z.string().min(1),
  PROCESSOR_STATE_DIR: z.string().min(1),
  PROCESSOR_GROUP: z.string().min(1).default('tidemark-kafka-only'),
  PROCESSOR_SOURCE_TOPIC: z.string().min(1).default(TOPIC_ORDERS),
  PROCESSOR_RESULT_TOPIC: z.string().min(1).default(TOPIC_RESULTS_KAFKA_ONLY),
  PROCESSOR_RESET_TOPIC: z.string().default(TOPIC_RESETS),
  WINDOW_MS: ms(300_000),
  ALLOWED_LATENESS_MS: ms(60_000),
  WATERMARK_DELAY_MS: ms(10_000),
  POISON_SKEW_MS: ms(60_000),
  LARGE_ORDER_QUANTITY: ms(500),
  HIGH_AMOUNT: decimal('100000000'),
  PRICE_SPIKE_PERCENT: decimal('5'),
  RAPID_ORDERS: ms(4),
  RAPID_WINDOW_MS: ms(10_000),
  ORDERS_IN_MEMORY: ms(200_000),
  EMIT_INTERVAL_MS: ms(1_000),
  SNAPSHOT_INTERVAL_MS: ms(2_000),
  OFFSET_COMMIT_INTERVAL_MS: ms(5_000),
  HEARTBEAT_INTERVAL_MS: ms(1_000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
});

export interface Config {
  readonly brokers: readonly string[];
  readonly stateDir: string;
  readonly group: string;
  readonly resultTopic: string;
  /** Commands to replace the state of a result; null: none are read. */
  readonly resetTopic: string | null;
  readonly snapshotIntervalMs: number;
  readonly offsetCommitIntervalMs: number;
  readonly heartbeatIntervalMs: number;
  /** Of all source partitions together; the others are on disk. */
  readonly ordersInMemory: number;
  readonly logLevel: string;
  readonly settings: Settings;
}

/** Environment → config, or one sentence per variable that is wrong. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
): Config | { readonly problems: readonly string[] } {
  const parsed = Env.safeParse(env);
  if (!parsed.success) return { problems: parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`) };
  const e = parsed.data;
  return Object.freeze({
    brokers: e.KAFKA_BROKERS.split(',').map((b) => b.trim()),
    stateDir: e.PROCESSOR_STATE_DIR,
    group: e.PROCESSOR_GROUP,
    resultTopic: e.PROCESSOR_RESULT_TOPIC,
    resetTopic: e.PROCESSOR_RESET_TOPIC === '' ? null : e.PROCESSOR_RESET_TOPIC,
    snapshotIntervalMs: e.SNAPSHOT_INTERVAL_MS,
    offsetCommitIntervalMs: e.OFFSET_COMMIT_INTERVAL_MS,
    heartbeatIntervalMs: e.HEARTBEAT_INTERVAL_MS,
    ordersInMemory: e.ORDERS_IN_MEMORY,
    logLevel: e.LOG_LEVEL,
    settings: {
      sourceTopic: e.PROCESSOR_SOURCE_TOPIC,
      windowMs: e.WINDOW_MS,
      latenessMs: e.ALLOWED_LATENESS_MS,
      watermarkDelayMs: e.WATERMARK_DELAY_MS,
      emitIntervalMs: e.EMIT_INTERVAL_MS,
      poisonSkewMs: e.POISON_SKEW_MS,
      largeOrderQuantity: e.LARGE_ORDER_QUANTITY,
      highAmount: e.HIGH_AMOUNT,
      priceSpikePercent: e.PRICE_SPIKE_PERCENT,
      rapidOrders: e.RAPID_ORDERS,
      rapidWindowMs: e.RAPID_WINDOW_MS,
    },
  });
}
