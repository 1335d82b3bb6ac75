/**
 * Two engines have folded the same source offsets of a result into different values (contract.md §3, ENGINE_DIVERGENCE): one of them
 * is wrong, and it is held against the one without exactly-once evidence. No single record brings that to light, so it is looked
 * for in what has changed behind the commit clock; the row is written behind its partition's lock, as by whoever writes a row.
 */
import type { Pool, PoolClient } from 'pg';
import { lower, taint } from '../decision/decide.js';
import type { ResultState } from '../decision/state.js';
import { keyOf, type ResultKey } from '../position/commit-log.js';
import type { Highest } from '../position/highest.js';
import { eventsOfRow } from '../staleness/transitions.js';
import { changedKeys, documents } from './commit.js';
import { beginOn } from './postgres.js';
import { checkedTick } from './rewound.js';

/** Positions of one round: a server that has just started looks at all of them once. */
const POSITIONS = 5_000;
/** Rows lowered in one transaction. */
const AT_ONCE = 500;
const REASON = 'VIOLATION_ENGINE_DIVERGENCE';

/** What was recomputed is not doubted for what an engine says; nor for a value that is itself in doubt. */
const DIVERGED = `k.engine = 'KAFKA_ONLY' and k.cause <> 'REPROCESSED' and not k.reasons @> array['${REASON}']
  and f.engine = 'FLINK' and f.cap = 'HIGH'
  and k.evidence -> 'coverage' = f.evidence -> 'coverage' and k.evidence -> 'coverage' <> '{}'
  and (k.calculated_value, k.deleted) is distinct from (f.calculated_value, f.deleted)`;

const CHANGED = `
  select k.kind, k.business_key, k.result_topic as topic, k.result_partition as partition
  from (select distinct kind, business_key from results where position > $1 and position <= $2) c
  join results k using (kind, business_key) join results f using (kind, business_key)
  where ${DIVERGED} order by 3, 4, 1, 2`;

const STILL = `
  select k.kind, k.business_key from unnest($1::text[], $2::text[]) as c(kind, business_key)
  join results k using (kind, business_key) join results f using (kind, business_key) where ${DIVERGED}`;

interface Found {
  readonly kind: string;
  readonly business_key: string;
}
interface Diverged extends Found {
  readonly topic: string;
  readonly partition: number;
}

const keyOfFound = ({ kind, business_key: businessKey }: Found): ResultKey => ({
  kind,
  businessKey,
  engine: 'KAFKA_ONLY',
});

/** Those that diverge now that nobody else can write them. */
async function still(client: PoolClient, found: readonly Found[]): Promise<ResultKey[]> {
  const { rows } = await client.query<Found>(STILL, [
    found.map(({ kind }) => kind),
    found.map(({ business_key: key }) => key),
  ]);
  return rows.map(keyOfFound);
}

/** Rows of one result partition, in one position. */
async function lowerSome(pool: Pool, highest: Highest, found: readonly Diverged[]): Promise<void> {
  const [{ topic, partition }] = found as readonly [Diverged, ...Diverged[]];
  const { tx, client } = await beginOn(pool);
  try {
    const place = { topic, partition, engine: 'KAFKA_ONLY' } as const;
    await tx.lockOffsets(place);
    const before = await tx.readRows(await still(client, found));
    if (before.size === 0) return;
    const rows = [...before.values()].map((row) => ({
      ...lower(row, REASON),
      taints: taint(row.taints, row.run, [REASON]),
    }));
    const tick = await checkedTick(highest, () => tx.takeClock());
    await tx.writeRows(
      place,
      tick,
      rows.map((row) => ({ row, source: null, fresh: false })),
    );
    const eventsOf = (after: ResultState) =>
      eventsOfRow({ before: before.get(keyOf(after)) ?? null, after, late: false });
    await tx.writeEvents(tick, rows.flatMap(eventsOf));
    await tx.writeRequests(
      tick,
      rows.map(({ kind, businessKey, engine }) => ({ kind, businessKey, engine, reason: REASON, source: null })),
    );
    await tx.writeLog(tick, changedKeys(rows), documents(rows));
    await tx.commit();
    highest.note(tick);
  } finally {
    await tx.abort();
  }
}

/**
 * One round at a time looks at what has changed since the one before; any server may, again and again.
 * @throws whatever Postgres says; the next round looks at the same again
 */
export function createDivergenceWatch(pool: Pool, highest: Highest): () => Promise<void> {
  let since = 0n;
  return async () => {
    const { rows } = await pool.query<{ until: string }>(
      'select least($1::bigint + $2, position) as until from commit_clock',
      [since, POSITIONS],
    );
    const until = BigInt(rows[0]?.until ?? 0);
    if (until > since) {
      const { rows: found } = await pool.query<Diverged>(CHANGED, [since, until]);
      const places = new Map<string, Diverged[]>();
      for (const one of found) {
        const place = `${one.topic}/${one.partition}`;
        places.set(place, [...(places.get(place) ?? []), one]);
      }
      for (const own of places.values()) {
        for (let at = 0; at < own.length; at += AT_ONCE) await lowerSome(pool, highest, own.slice(at, at + AT_ONCE));
      }
    }
    // A clock that was set back begins another history.
    since = until < since ? 0n : until;
  };
}
