/** Has an engine counted the source to its end, as far as it says? Only to know when to look: no checker believes it. */
import type { Client } from 'pg';
import { PIPELINE_FLINK, PIPELINE_KAFKA_ONLY } from '../../wire/topics.js';

interface Facts {
  readonly assignments: Readonly<Record<string, { readonly run: string }>>;
  readonly heartbeats: Readonly<
    Record<string, { readonly sources: Readonly<Record<string, { readonly nextOffset: number }>> }>
  >;
  readonly current: { readonly completed: number | null } | null;
}

/** What the server has kept of a pipeline, one for each result partition. */
async function factsOf(client: Client, pipeline: string): Promise<Facts[]> {
  const { rows } = await client.query<{ facts: Facts }>('select facts from pipeline_facts where pipeline = $1', [
    pipeline,
  ]);
  return rows.map(({ facts }) => facts);
}

/** What the Kafka-only engine says of itself, in every result partition. @param ends exclusive, by source partition */
export async function countedTo(client: Client, ends: readonly number[]): Promise<boolean> {
  const all = await factsOf(client, PIPELINE_KAFKA_ONLY);
  const reached = ({ assignments, heartbeats }: Facts): boolean =>
    ends.every((end, p) => (heartbeats[assignments[p]?.run ?? '']?.sources[p]?.nextOffset ?? -1) >= end);
  return all.length > 0 && all.every(reached);
}

/**
 * A window that has changed is emitted a second later at most, and seen with a checkpoint after that: so many more than the
 * first that covers the end of the source, each a second or more after the one before.
 */
const MORE_CHECKPOINTS = 4;

/** Of the engine with checkpoints; of a stack without it there is nothing to wait for. */
export class CheckpointedTo {
  private from: number | null = null;

  /** @param committed by the engine's group, source partition → next offset */
  async reached(client: Client, ends: readonly number[], committed: readonly number[]): Promise<boolean> {
    const all = await factsOf(client, PIPELINE_FLINK);
    if (all.length === 0) return true;
    if (!ends.every((end, p) => end === 0 || (committed[p] ?? -1) >= end)) {
      this.from = null;
      return false;
    }
    const completed = all.map(({ current }) => current?.completed ?? -1);
    // Numbers begin below after a restore from an older one.
    this.from = Math.min(this.from ?? Infinity, Math.max(...completed));
    return completed.every((id) => id >= (this.from ?? 0) + MORE_CHECKPOINTS);
  }
}
