/** What is said, and told, of the path from the commit clock to the read models: on a real Postgres, by two servers side by side. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'pg';
import { eventually } from '../../test/harness/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import { startHeartbeat } from '../ingest/heartbeat.js';
import type { Periodic } from '../ingest/periodic.js';
import { createPostgresIngestStore } from '../ingest/postgres.js';
import { Highest } from '../position/highest.js';
import { micros, position } from '../position/position.js';
import { startClock } from '../stores/postgres/clock.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import type { AppliedSeen } from './lateness.js';
import { startLiveness, type LivenessWatch } from './liveness.js';

const PATIENT = { timeoutMs: 60_000, everyMs: 20 };
/** Of a slow, loaded machine. */
const TEST_MS = 120_000;
const HEARTBEAT_MS = 250;
const STALE_MS = 3_000;
/** No slot here: none is made without a connector, so SLOT_MISSING is what a path that stands still is told for. */
const SLOT = 'tidemark_test_slot';

let database: TestDatabase;
let pool: Pool;
let beats: Periodic;
let watches: LivenessWatch[];
let connect: Server;
/** What the read model has applied: all that there is, or what it had when it was cut off. */
let cutOffAt: AppliedSeen | null;
let wallMs: () => number;

async function newest(): Promise<AppliedSeen> {
  const { rows } = await pool.query<{ position: string; incarnation: string; at: string }>(
    'select position, incarnation, committed_at_us as at from commit_clock',
  );
  const [row] = rows;
  if (row === undefined) throw new Error('no clock');
  return { position: position(row.position), incarnation: row.incarnation, committedAt: micros(row.at) };
}

beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 12 });
  pool.on('error', () => undefined);
  await startClock(pool, []);
  cutOffAt = null;
  wallMs = Date.now;
  connect = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end('{"connector":{"state":"RUNNING"},"tasks":[{"state":"RUNNING"}]}');
  });
  await new Promise<void>((resolve) => connect.listen(0, '127.0.0.1', resolve));
  const highest = new Highest();
  beats = startHeartbeat(createPostgresIngestStore(pool), HEARTBEAT_MS, highest, () => undefined);
  watches = [1, 2].map(() =>
    startLiveness({
      pool,
      writes: pool,
      highest,
      projections: () => [
        { store: 'MONGODB', state: 'running', known: null, ask: async () => cutOffAt ?? (await newest()) },
      ],
      kafkaAnswers: () => true,
      connectUrl: `http://127.0.0.1:${(connect.address() as AddressInfo).port}`,
      connector: 'tidemark',
      slot: SLOT,
      heartbeatMs: HEARTBEAT_MS,
      staleMs: STALE_MS,
      monotonicMs: () => performance.now(),
      wallMs: () => wallMs(),
      warn: () => undefined,
    }),
  );
});
afterEach(async () => {
  await Promise.all([...watches.map((watch) => watch.stop()), beats.stop()]);
  await pool.end();
  await database.drop();
  await new Promise((resolve) => connect.close(resolve));
});

const said = (subject: string): (string | undefined)[] =>
  watches.map((watch) => watch.all().find((one) => one.subject === subject)?.state);
const both = (subject: string, state: string): Promise<void> =>
  eventually(() => expect([subject, said(subject)]).toEqual([subject, [state, state]]), PATIENT);
const told = async (): Promise<unknown[]> => {
  const { events } = await createPostgresLedgers(pool).events({ descending: false, limit: 100 });
  return events.map(({ type, reasons }) => [type, ...reasons]);
};

test(
  'while a read model applies what is committed CDC flows, slot or not; once it does not the cause is told, once by two servers, and its end',
  async () => {
    await both('CDC', 'FLOWING');
    await both('MONGODB', 'FLOWING');
    cutOffAt = await newest();
    await both('CDC', 'SLOT_MISSING');
    await both('MONGODB', 'CUT_OFF');
    await eventually(async () => expect(await told()).toEqual([['CDC_PAUSED', 'SLOT_MISSING']]), PATIENT);
    cutOffAt = null;
    await both('CDC', 'FLOWING');
    await eventually(async () => expect((await told()).at(-1)).toEqual(['CDC_RESUMED']), PATIENT);
    expect(await told()).toHaveLength(2);
  },
  TEST_MS,
);

test(
  'a transaction that holds the commit clock is said to hang; nothing is told of CDC, which has delivered all, however long it lasts',
  async () => {
    await both('COMMIT_CLOCK', 'BEATING');
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query('select 1 from commit_clock for update');
      await both('COMMIT_CLOCK', 'HANGING_TRANSACTION');
      // Longer than STALE_MS: nothing has moved anywhere, and that is nobody's fault but the transaction's.
      const { rows } = await pool.query<{ at: string }>('select committed_at_us as at from commit_clock');
      await eventually(async () => {
        const now = await pool.query<{ now: string }>(
          'select (extract(epoch from clock_timestamp()) * 1e6)::bigint as now',
        );
        expect(Number(now.rows[0]?.now) - Number(rows[0]?.at)).toBeGreaterThan(STALE_MS * 1_500);
      }, PATIENT);
      await both('CDC', 'FLOWING');
    } finally {
      await client.query('rollback');
      client.release();
    }
    await both('COMMIT_CLOCK', 'BEATING');
    await both('CDC', 'FLOWING');
    expect(await told()).toEqual([]);
  },
  TEST_MS,
);

test(
  'a wall clock that is set 30 s wrong, either way, is said to be off, and nothing is told of anything else',
  async () => {
    for (const offsetMs of [30_000, -30_000]) {
      wallMs = () => Date.now() + offsetMs;
      await both('SERVER_CLOCK', 'OFF');
      await both('CDC', 'FLOWING');
      await both('COMMIT_CLOCK', 'BEATING');
      await both('MONGODB', 'FLOWING');
      wallMs = Date.now;
      await both('SERVER_CLOCK', 'IN_STEP');
    }
    expect(await told()).toEqual([]);
  },
  TEST_MS,
);
