/** Postgres ends the backend that streams the slot: Connect goes on saying RUNNING, and nothing flows until it notices. */
import pg from 'pg';
import type { Fault, Target } from './fault.js';

const BACK_MS = 90_000;
const SLOT = 'tidemark_commit_log';

export function slotBackend(target: Target): Fault {
  async function query(sql: string): Promise<boolean> {
    const client = new pg.Client({ connectionString: target.postgresUrl, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<{ found: boolean }>(sql, [SLOT]);
      return rows.some(({ found }) => found);
    } finally {
      await client.end();
    }
  }
  const isActive = async (): Promise<boolean> =>
    !(await query('select active as found from pg_replication_slots where slot_name = $1'));
  return {
    name: 'slot-backend',
    inject: async () => {
      await query('select pg_terminate_backend(active_pid) as found from pg_replication_slots where slot_name = $1');
    },
    // The connector comes back by itself: it must.
    heal: async () => {
      const end = performance.now() + BACK_MS;
      while (await isActive().catch(() => true)) {
        if (performance.now() > end)
          throw new Error(`nobody streams the slot ${BACK_MS / 1000} s after its backend ended`);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    },
    isActive,
  };
}
