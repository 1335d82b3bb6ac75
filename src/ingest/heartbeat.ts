import type { Pool } from 'pg';
import type { Highest } from '../position/highest.js';
import { beat } from './clock.js';
import { startPeriodic, type Periodic } from './periodic.js';

/**
 * An empty commit whenever none was made for `idleMs`: idle becomes visible on the whole path, and a read model that is
 * up to date can be told from one that is cut off (contract.md §7). Two servers don't double it: the clock decides.
 * @param idleMs at most 250
 */
export function startHeartbeat(
  pool: Pool,
  idleMs: number,
  highest: Highest,
  onError: (error: unknown) => void,
): Periodic {
  const everyMs = Math.floor(idleMs / 2);
  const run = async (): Promise<void> => void (await beat(pool, everyMs * 1000, highest));
  return startPeriodic({ everyMs, run, onError });
}
