/**
 * Watches the read models, beside the requests: what begins and ends is told once, whichever server sees it (docs/adr/0016). Of servers
 * side by side one looks, for as long as it renews its turn; the state that a change leaves is named in the write, so that two that look
 * at once still tell it once.
 */
import type { Pool } from 'pg';
import { NOW_US } from '../ingest/clock.js';
import { startPeriodic, type Periodic } from '../ingest/periodic.js';
import { beginOn } from '../ingest/postgres.js';
import { checkedTick } from '../ingest/rewound.js';
import type { Highest } from '../position/highest.js';
import { micros, type Micros, type Position } from '../position/position.js';
import { eventOfStore, storeState, type StoreSeen, type StoreState } from '../staleness/stores.js';
import type { NewEvent } from '../staleness/transitions.js';
import type { Store } from '../words.js';

/** How a store says it is. */
export interface StoreStatus {
  readonly store: Store;
  readonly healthy: boolean;
  readonly appliedPosition: Position | null;
  readonly appliedCommittedAt: Micros | null;
  readonly detail: string | null;
}

export interface StoreWatchOptions {
  readonly pool: Pool;
  readonly highest: Highest;
  readonly statuses: () => Promise<readonly StoreStatus[]>;
  /** Beyond this age an answer is `stale`. Milliseconds. */
  readonly boundMs: number;
  /** Of this server: a UUID. */
  readonly holder: string;
  readonly warn: (error: unknown, message: string) => void;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;
/** Who has not looked for so long has lost its turn. */
const TURN_US = 3_000_000;

/** One look at the states, and whose turn it is. */
async function takeTurn(
  pool: Pool,
  holder: string,
): Promise<{ readonly mine: boolean; readonly now: Micros; readonly states: ReadonlyMap<string, string> }> {
  const { rows } = await pool.query<{ mine: boolean; now_us: string; states: Record<string, string> }>({
    name: 'watch-stores',
    text: `with mine as (
             update store_watch set holder = $1, until_us = ${NOW_US} + ${TURN_US} where holder = $1 or until_us < ${NOW_US} returning 1)
           select exists (select from mine) as mine, ${NOW_US} as now_us,
             (select coalesce(json_object_agg(store, state), '{}') from store_states) as states`,
    values: [holder],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the states of the stores could not be read');
  return { mine: row.mine, now: micros(row.now_us), states: new Map(Object.entries(row.states)) };
}

/** Of a store, or of CDC, in `store_states`. */
export interface StateChange {
  readonly store: string;
  readonly before: string;
  readonly after: string;
  readonly event: NewEvent;
}

/** Tells of what has changed, unless somebody else just did. @returns how many events were written */
export async function noteStates(pool: Pool, highest: Highest, changes: readonly StateChange[]): Promise<number> {
  if (changes.length === 0) return 0;
  const { tx, client } = await beginOn(pool);
  try {
    const events: NewEvent[] = [];
    for (const { store, before, after, event } of changes) {
      // Another server that does the same waits here for the end of this transaction, and then finds it done.
      const { rowCount } = await client.query(
        `insert into store_states (store, state, since_us) values ($1, $2, ${NOW_US})
         on conflict (store) do update set state = excluded.state, since_us = excluded.since_us where store_states.state = $3`,
        [store, after, before],
      );
      if (rowCount !== 0) events.push(event);
    }
    if (events.length === 0) return 0;
    const tick = await checkedTick(highest, () => tx.takeClock());
    await tx.writeEvents(tick, events);
    await tx.writeLog(tick, '[]', []);
    await tx.commit();
    highest.note(tick);
    return events.length;
  } finally {
    await tx.abort();
  }
}

/** What has changed since it was noted last. */
export function storeChanges(
  states: ReadonlyMap<string, string>,
  seen: readonly StoreSeen[],
  boundMs: number,
): StateChange[] {
  return seen.flatMap((one): StateChange[] => {
    const before = (states.get(one.store) ?? 'FRESH') as StoreState;
    const after = storeState(before, one, boundMs);
    const event = eventOfStore(before, after, one);
    return event === null ? [] : [{ store: one.store, before, after, event }];
  });
}

export function startStoreWatch(options: StoreWatchOptions): Periodic {
  const { pool, highest, statuses, boundMs, holder, warn, everyMs = EVERY_MS } = options;
  const failures = new Map<Store, number>();

  async function look(): Promise<void> {
    const all = (await statuses()).filter(({ store }) => store !== 'POSTGRES');
    // Postgres' time after the stores were asked: an age is never too small.
    const { mine, now, states } = await takeTurn(pool, holder);
    const seen = all.map((one): StoreSeen => {
      const { store, appliedPosition: applied, appliedCommittedAt: at, detail } = one;
      failures.set(store, at === null ? (failures.get(store) ?? 0) + 1 : 0);
      const ageMs = at === null ? null : Math.max(0, (now - at) / 1000);
      return { store, applied, ageMs, failures: failures.get(store) ?? 0, detail };
    });
    if (!mine) return;
    await noteStates(pool, highest, storeChanges(states, seen, boundMs));
  }

  return startPeriodic({ everyMs, run: look, onError: (error) => warn(error, 'the stores could not be watched') });
}
