/** The retention of results, as a job (docs/adr/0010): first the floor, then what expired long enough ago, store by store. */
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import { asError } from './errors.js';
import type { Position } from './position/position.js';
import type { ReadModel } from './stores/port.js';
import { purgeResults, raiseFloor, removableTo } from './stores/postgres/expiry.js';

/**
 * What has expired is removed no earlier. Longer than a request and than the silence after which a pipeline is called stopped
 * (config.ts): nobody then answers a null from facts older than the floor that the removal rests on.
 */
const GRACE_MS = 2 * 3_600_000;
/** Rows without a tellable time that each result partition keeps: see `HELD` in stores/postgres/expiry.ts. */
const HELD_PER_PARTITION = 10_000;
/** Of one store and run of the job: what is left then waits for the next one. */
const ROUNDS = 50;
/** A part that failed so often in a row is told to people. */
const LASTING = 3;

export interface ExpiryParts {
  readonly pool: Pool;
  readonly models: readonly ReadModel[];
  readonly retentionMs: number;
  readonly registry: Registry;
  readonly log: Logger;
  /** Default: GRACE_MS. */
  readonly graceMs?: number;
}

export interface ExpiryJob {
  /** One run; never throws. A part that fails is tried again in the next run, and holds up no other. */
  run(): Promise<void>;
  /** Parts that keep failing, in sentences. */
  problems(): readonly string[];
}

export function createExpiryJob({
  pool,
  models,
  retentionMs,
  registry,
  log,
  graceMs = GRACE_MS,
}: ExpiryParts): ExpiryJob {
  const failures = new Map<string, { times: number; message: string }>();
  const registers = [registry];
  const labelNames = ['store'] as const;
  const removed = new Counter({
    name: 'tidemark_expired_removed_total',
    help: 'Expired results that were removed from a store.',
    labelNames,
    registers,
  });
  const failing = new Gauge({
    name: 'tidemark_expiry_failures',
    help: 'Times in a row that removing expired results failed in a store.',
    labelNames,
    registers,
  });

  async function part<T>(store: string, work: () => Promise<T>): Promise<T | null> {
    try {
      const done = await work();
      failures.delete(store);
      failing.set({ store }, 0);
      return done;
    } catch (error) {
      const err = asError(error);
      const times = (failures.get(store)?.times ?? 0) + 1;
      failures.set(store, { times, message: err.message });
      failing.set({ store }, times);
      log.warn({ err, store }, 'expired results could not be removed; it is tried again');
      return null;
    }
  }

  async function purge(model: ReadModel, to: Position, incarnation: string): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const gone = await model.purge(to, incarnation);
      removed.inc({ store: model.store }, gone);
      if (gone === 0) return;
    }
  }

  return {
    async run() {
      const removable = await part('POSTGRES', async () => {
        await raiseFloor(pool, retentionMs);
        const found = await removableTo(pool, graceMs);
        if (found === null) return null;
        removed.inc({ store: 'POSTGRES' }, await purgeResults(pool, found.to, HELD_PER_PARTITION));
        return found;
      });
      if (removable === null) return;
      const { to, incarnation } = removable;
      await Promise.all(models.map((model) => part(model.store, () => purge(model, to, incarnation))));
    },
    problems: () =>
      [...failures]
        .filter(([, { times }]) => times >= LASTING)
        .map(([store, { message }]) => `expired results are not removed from ${store}: ${message}`),
  };
}
