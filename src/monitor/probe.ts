/**
 * What liveness is judged from (staleness/liveness.ts): one small read of Postgres with each look, and, only while something is late, what
 * Kafka Connect says and who holds the commit clock.
 */
import type { Pool } from 'pg';
import { NOW_US } from '../ingest/clock.js';
import { micros, position, type Micros, type Position } from '../position/position.js';
import type { ConnectSeen, SlotSeen } from '../staleness/liveness.js';

/** One snapshot of Postgres. */
export interface TruthSeen {
  readonly now: Micros;
  readonly clockAt: Micros;
  readonly clock: Position;
  readonly incarnation: string;
  /** As they were asked for: when the position after each was committed; null: there is none, or the log has forgotten it. */
  readonly next: readonly (Micros | null)[];
  readonly slot: SlotSeen;
  /** Bytes of the log that the slot keeps from being removed; null: it keeps none. */
  readonly retainedBytes: number | null;
  /** What clients were told of CDC last. */
  readonly told: string;
}

interface Row {
  now_us: string;
  clock: string;
  clock_us: string;
  incarnation: string;
  next_us: (string | null)[];
  slot: { active: boolean; wal_status: string | null } | null;
  retained: string | null;
  told: string;
}

/** @param applied positions up to which something is applied */
export async function seeTruth(
  pool: Pick<Pool, 'query'>,
  slot: string,
  applied: readonly Position[],
): Promise<TruthSeen> {
  const { rows } = await pool.query<Row>({
    name: 'see-liveness',
    // The clock is read, not locked: whoever holds it holds nobody up here.
    text: `select ${NOW_US} as now_us, c.position as clock, c.committed_at_us as clock_us, c.incarnation,
        array(select (select l.committed_at_us from commit_log l where l.position = a.p + 1 and l.part = 0)
              from unnest($2::bigint[]) with ordinality as a(p, n) order by a.n) as next_us,
        (select json_build_object('active', s.active, 'wal_status', s.wal_status) from pg_replication_slots s where s.slot_name = $1) as slot,
        (select pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) from pg_replication_slots s where s.slot_name = $1) as retained,
        coalesce((select state from store_states where store = 'CDC'), 'FLOWING') as told
      from commit_clock c`,
    values: [slot, applied],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('commit_clock is empty: the server did not start it');
  return {
    now: micros(row.now_us),
    clock: position(row.clock),
    clockAt: micros(row.clock_us),
    incarnation: row.incarnation,
    next: row.next_us.map((at) => (at === null ? null : micros(at))),
    slot:
      row.slot === null
        ? { kind: 'missing' }
        : { kind: 'there', active: row.slot.active, walStatus: row.slot.wal_status },
    retainedBytes: row.retained === null ? null : Number(row.retained),
    told: row.told,
  };
}

/** A transaction that others wait for and that itself waits for nobody. */
export interface Holder {
  readonly pid: number;
  /** As far as Postgres lets this server see it. */
  readonly state: string | null;
  /** A server's: it is at work, and Postgres ends it if it is not (`IDLE_IN_TRANSACTION_MS`). */
  readonly own: boolean;
}

/** Who keeps those that wait for the commit clock waiting; empty: nobody waits for it. */
export async function clockHolders(pool: Pick<Pool, 'query'>): Promise<readonly Holder[]> {
  const { rows } = await pool.query<Holder>({
    name: 'clock-holders',
    text: `select distinct b.pid, h.state, coalesce(h.application_name like 'tidemark-%', false) as own
      from pg_stat_activity w cross join lateral unnest(pg_blocking_pids(w.pid)) as b(pid)
        left join pg_stat_activity h on h.pid = b.pid
      where w.datname = current_database() and w.wait_event_type = 'Lock' and w.query like '%commit_clock%'
        and cardinality(pg_blocking_pids(b.pid)) = 0`,
  });
  return rows;
}

/** What Connect says; shown, and believed only of what stands still. Never throws. */
export async function askConnect(connectUrl: string, connector: string, timeoutMs: number): Promise<ConnectSeen> {
  try {
    const answer = await fetch(`${connectUrl}/connectors/${encodeURIComponent(connector)}/status`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.status === 404) return { kind: 'unknown-to-it' };
    if (!answer.ok) return { kind: 'silent' };
    const { connector: own, tasks } = (await answer.json()) as {
      connector: { state: string };
      tasks: readonly { state: string }[];
    };
    return { kind: 'answers', connector: own.state, tasks: tasks.map(({ state }) => state) };
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
    return { kind: code === 'ECONNREFUSED' ? 'refused' : 'silent' };
  }
}
