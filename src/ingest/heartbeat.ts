import type { Pool } from 'pg';
import { HEARTBEAT_SQL } from './clock.js';
import { startPeriodic, type Periodic } from './periodic.js';

/**
 * An empty commit whenever none was made for `idleMs`: idle becomes visible on the whole path, and a read model that is
 * up to date can be told from one that is cut off (contract.md §7). Two servers don't double it: the clock decides.
 * @param idleMs at most 250
 */
export function startHeartbeat(pool: Pool, idleMs: number, onError: (error: unknown) => void): Periodic {
  const beat = async (): Promise<void> => {
    await pool.query({ name: 'heartbeat', text: HEARTBEAT_SQL, values: [Math.floor(idleMs / 2) * 1000] });
  };
  return startPeriodic({ everyMs: Math.floor(idleMs / 2), run: beat, onError });
}
