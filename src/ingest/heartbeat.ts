import type { Highest } from '../position/highest.js';
import type { After } from '../timers.js';
import { startPeriodic, type Periodic } from './periodic.js';
import type { IngestStore, Tick } from './port.js';
import { checkedTick } from './rewound.js';

/**
 * One empty commit, if none was made for `idleUs`: it makes idle visible, and proves that the path lives (contract.md §7).
 * @throws AppError CLOCK_REWOUND; the empty commit stands then, of an incarnation that ends
 */
export async function beatOnce(
  store: Pick<IngestStore, 'beat'>,
  idleUs: number,
  highest: Highest,
): Promise<Tick | null> {
  const tick = await checkedTick(highest, () => store.beat(idleUs));
  if (tick !== null) highest.note(tick);
  return tick;
}

/**
 * An empty commit whenever none was made for `idleMs`: idle becomes visible on the whole path, and a read model that is
 * up to date can be told from one that is cut off (contract.md §7). Two servers don't double it: the clock decides.
 * @param idleMs at most 250
 */
export function startHeartbeat(
  store: Pick<IngestStore, 'beat'>,
  idleMs: number,
  highest: Highest,
  onError: (error: unknown) => void,
  after?: After,
): Periodic {
  const everyMs = Math.floor(idleMs / 2);
  const run = async (): Promise<void> => void (await beatOnce(store, everyMs * 1000, highest));
  return startPeriodic({ everyMs, run, onError, after });
}
