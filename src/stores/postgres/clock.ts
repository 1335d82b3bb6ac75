/**
 * Starting the commit clock. History may have forked since it ran last (restored from a copy, promoted, rewound): then it
 * gets a new incarnation before anything is served, and positions of the old one compare with nothing (contract.md §7).
 */
import type { Pool } from 'pg';
import type { Reached } from '../../position/commit-log.js';
import { rewound } from '../../position/highest.js';
import { position } from '../../position/position.js';

export interface ClockStart {
  readonly incarnation: string;
  readonly position: bigint;
  /** Why a new incarnation began now; null when the old one goes on. */
  readonly forked: string | null;
}

interface Row {
  position: string;
  nonce: string;
  incarnation: string;
  system_identifier: string;
  timeline: number;
  now_system: string;
  now_timeline: number;
}

const SYSTEM = `(select system_identifier::text from pg_control_system()) as now_system,
  (select timeline_id from pg_control_checkpoint()) as now_timeline`;

/** Pure: does the clock's history go on, or has it forked? `shown`: the largest positions that stores have shown. */
export function fork(
  clock: Reached & { system: string; timeline: number },
  now: { system: string; timeline: number },
  shown: readonly Reached[],
): string | null {
  if (clock.system !== now.system) return 'the database belongs to another cluster';
  if (clock.timeline !== now.timeline) return `the timeline changed from ${clock.timeline} to ${now.timeline}`;
  const ahead = shown.find((store) => store.incarnation === clock.incarnation && rewound(store, clock));
  return ahead === undefined
    ? null
    : `a store has shown position ${ahead.position}, the clock stands at ${clock.position}`;
}

/**
 * Called at start, before anything is served or written, and when a running server finds the clock rewound.
 * @param ended an incarnation that is known to have forked, whatever the clock shows by now; another one goes on
 */
export async function startClock(pool: Pool, shown: readonly Reached[], ended?: string): Promise<ClockStart> {
  await pool.query(
    `insert into commit_clock (position, nonce, predecessor, committed_at_us, incarnation, system_identifier, timeline)
     select 0, gen_random_uuid(), gen_random_uuid(), (extract(epoch from clock_timestamp()) * 1e6)::bigint, gen_random_uuid(), now_system, now_timeline
     from (select ${SYSTEM}) s on conflict do nothing`,
  );
  const { rows } = await pool.query<Row>(
    `select position, nonce, incarnation, system_identifier, timeline, ${SYSTEM} from commit_clock`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('commit_clock is empty right after it was started');
  const clock = {
    position: position(row.position),
    nonce: row.nonce,
    incarnation: row.incarnation,
    system: row.system_identifier,
    timeline: row.timeline,
  };
  const known = clock.incarnation === ended ? 'it was seen to go back while the server ran' : null;
  const forked = known ?? fork(clock, { system: row.now_system, timeline: row.now_timeline }, shown);
  if (forked === null) return { incarnation: clock.incarnation, position: clock.position, forked };
  const renewed = await pool.query<{ incarnation: string }>(
    `update commit_clock set incarnation = gen_random_uuid(), nonce = gen_random_uuid(), system_identifier = $2, timeline = $3
     where incarnation = $1 returning incarnation`,
    [clock.incarnation, row.now_system, row.now_timeline],
  );
  // Another server may have renewed it first: then its incarnation counts.
  const incarnation =
    renewed.rows[0]?.incarnation ??
    (await pool.query<{ incarnation: string }>('select incarnation from commit_clock')).rows[0]?.incarnation;
  return { incarnation: incarnation ?? clock.incarnation, position: clock.position, forked };
}
