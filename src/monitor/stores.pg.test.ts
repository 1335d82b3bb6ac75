/** What is told of stores, on a real Postgres, by two servers that watch side by side. */
import { Pool } from 'pg';
import { eventually } from '../../test/harness/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import type { Periodic } from '../ingest/periodic.js';
import { Highest } from '../position/highest.js';
import { micros, position } from '../position/position.js';
import { startClock } from '../stores/postgres/clock.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import { startStoreWatch, type StoreStatus } from './stores.js';

const PATIENT = { timeoutMs: 60_000, everyMs: 20 };
/** Of a slow, loaded machine. */
const TEST_MS = 120_000;
const BOUND_MS = 30_000;

let database: TestDatabase;
let pool: Pool;
let watches: Periodic[];
/** How old what the store holds is, and how far it has come; null: it does not answer. */
let store: { ageMs: number; at: number } | null;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 6 });
  await startClock(pool, []);
  store = { ageMs: 0, at: 1 };
  watches = [1, 2].map((n) =>
    startStoreWatch({
      pool,
      highest: new Highest(),
      statuses: async () => statuses(),
      boundMs: BOUND_MS,
      holder: `00000000-0000-4000-8000-00000000000${n}`,
      warn: () => undefined,
      everyMs: 10,
    }),
  );
});
afterEach(async () => {
  await Promise.all(watches.map((watch) => watch.stop()));
  await pool.end();
  await database.drop();
});

function statuses(): StoreStatus[] {
  if (store === null)
    return [{ store: 'MONGODB', healthy: false, appliedPosition: null, appliedCommittedAt: null, detail: 'refused' }];
  const committedAt = micros((Date.now() - store.ageMs) * 1_000);
  return [
    {
      store: 'MONGODB',
      healthy: true,
      appliedPosition: position(store.at),
      appliedCommittedAt: committedAt,
      detail: null,
    },
  ];
}
const told = async (): Promise<unknown[]> => {
  const { events } = await createPostgresLedgers(pool).events({ descending: false, limit: 100 });
  return events.map(({ type, store: of }) => [type, of]);
};

test(
  'a store is told of once when it falls behind, stops answering and comes back, though two servers watch; and when one of them ends',
  async () => {
    store = { ageMs: 2 * BOUND_MS, at: 1 };
    await eventually(async () => expect(await told()).toEqual([['STORE_BEHIND', 'MONGODB']]), PATIENT);
    store = null;
    await eventually(async () => expect((await told()).at(-1)).toEqual(['STORE_UNAVAILABLE', 'MONGODB']), PATIENT);
    // Whoever had the turn has ended; the other one takes it.
    await watches.shift()?.stop();
    store = { ageMs: 0, at: 1 };
    await eventually(async () => expect((await told()).at(-1)).toEqual(['STORE_CAUGHT_UP', 'MONGODB']), PATIENT);
    expect((await told()).length).toBe(3);
    const filtered = await createPostgresLedgers(pool).events({ descending: false, limit: 100, store: 'CLICKHOUSE' });
    expect(filtered.events).toEqual([]);
  },
  TEST_MS,
);
