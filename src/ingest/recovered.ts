/**
 * What had got lost and had no row has one now (ADR 19): from here on nothing is missing from absences for that loss. Said as all
 * that is known of a pipeline is: behind the lock of the partition, in a position of its own.
 */
import type { Pool } from 'pg';
import type { Highest } from '../position/highest.js';
import type { ProcessingEngine } from '../words.js';
import { beginOn } from './postgres.js';
import { checkedTick } from './rewound.js';

export interface RecoveredLoss {
  readonly pipeline: string;
  readonly topic: string;
  readonly partition: number;
  readonly engine: ProcessingEngine;
  /** Of the newest loss that was looked after: one that was noticed later is not. */
  readonly lossOffset: number;
}

/** Idempotent. */
export async function noteRecovered(
  pool: Pool,
  highest: Highest,
  { pipeline, topic, partition, engine, lossOffset }: RecoveredLoss,
  kinds: readonly string[],
): Promise<void> {
  const { tx } = await beginOn(pool);
  try {
    const place = { topic, partition, engine };
    await tx.lockOffsets(place);
    const before = await tx.readFacts(place);
    const facts = before.get(pipeline);
    if (facts === undefined || (facts.recovered?.offset ?? -1) >= lossOffset) return;
    const tick = await checkedTick(highest, () => tx.takeClock());
    const after = { ...facts, recovered: { offset: lossOffset, kinds } };
    await tx.writeFacts(place, tick, before, new Map([[pipeline, after]]));
    await tx.writeLog(tick, '[]', []);
    await tx.commit();
    highest.note(tick);
  } finally {
    await tx.abort();
  }
}
