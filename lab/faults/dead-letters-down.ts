/**
 * The way of dead letters is down while one is due: their table takes no writes. Nothing of the partition may be skipped
 * meanwhile, and nothing of it lost afterwards.
 */
import pg from 'pg';
import type { Fault, LabTarget } from './fault.js';
import { dismiss, writePoison } from './poison.js';

export function deadLettersDown(target: LabTarget): Fault {
  let holder: pg.Client | null = null;
  let written: Awaited<ReturnType<typeof writePoison>> = [];
  return {
    name: 'dead-letters-down source',
    inject: async () => {
      const client = new pg.Client({ connectionString: target.postgresUrl, connectionTimeoutMillis: 10_000 });
      // Postgres restarted: then the lock is gone, too.
      client.on('error', () => (holder = null));
      await client.connect();
      holder = client;
      await client.query('begin');
      // Readers go on, writers wait.
      await client.query('lock table dead_letters in share row exclusive mode');
      written = await writePoison(target.kafkaBrokers);
    },
    heal: async () => {
      await holder?.end().catch(() => undefined);
      holder = null;
      await dismiss(target, written);
      written = [];
    },
    isActive: async () => holder !== null,
  };
}
