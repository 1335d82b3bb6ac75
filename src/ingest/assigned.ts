/** What the consumer keeps of each partition that it was assigned, and what it says. No Kafka in here. */
import type { Trouble } from '../log/port.js';

export interface Assigned {
  /** The generation it belongs to: answers that come for an older one are dropped. */
  readonly epoch: number;
  readonly topic: string;
  readonly partition: number;
  /** The next offset to deliver; null until the handler has said where to start. */
  expected: bigint | null;
  /** The offset that was sought a second time, because a fetch came from beyond it. */
  sought: bigint | null;
  hintedAt: number;
  failures: number;
  blocked: boolean;
  /** Why nothing of it is taken in now; null when all is well. */
  trouble: string | null;
  retry: NodeJS.Timeout | null;
}

export const idOf = (topic: string, partition: number): string => `${topic}/${partition}`;

export const assignedOf = (epoch: number, topic: string, partition: number): Assigned => ({
  epoch,
  topic,
  partition,
  expected: null,
  sought: null,
  hintedAt: 0,
  failures: 0,
  blocked: false,
  trouble: null,
  retry: null,
});

/** The partition's trouble is over. */
export function recovered(tp: Assigned): void {
  tp.failures = 0;
  tp.trouble = null;
  tp.sought = null;
}

export const partitionTroubles = (assigned: ReadonlyMap<string, Assigned>): Trouble[] =>
  [...assigned].flatMap(([place, { trouble }]) =>
    trouble === null ? [] : [{ place, message: `${place} ${trouble}` }],
  );

/** kafkajs puts whole messages into its log entries: payloads and keys stay out of our logs. */
export function safe(log: Record<string, unknown>): Record<string, unknown> {
  const { error, groupId, broker, stack } = log;
  return { error, groupId, broker, stack };
}
