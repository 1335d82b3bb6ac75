import type { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '../test/harness/postgres.js';
import { eventually } from '../test/harness/eventually.js';
import { createPool } from './pools.js';

let database: TestDatabase;
let broken: Error[];
const open: Pool[] = [];
const pool = (idleInTransactionMs = 60_000): Pool => {
  const created = createPool({
    connectionString: database.url,
    name: 'test',
    max: 2,
    statementMs: 20_000,
    idleInTransactionMs,
    onBroken: (error) => broken.push(error),
  });
  open.push(created);
  return created;
};
beforeEach(async () => {
  database = await createTestDatabase();
  broken = [];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.end()));
  await database.drop();
});

const pidOf = async (client: Pick<Pool, 'query'>): Promise<number> =>
  (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid ?? 0;

test('a connection that is cut while it is lent out fails its own work, and the process goes on', async () => {
  const mine = pool();
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on('uncaughtException', note);
  try {
    const client = await mine.connect();
    let ended = false;
    client.once('end', () => (ended = true));
    await client.query('begin');
    await pool().query('select pg_terminate_backend($1)', [await pidOf(client)]);
    await eventually(() => expect(ended).toBe(true));
    await expect(client.query('select 1')).rejects.toThrow();
    client.release(true);
    expect(client.listenerCount('error')).toBeGreaterThan(0);
    expect(uncaught).toEqual([]);
    expect((await mine.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  } finally {
    process.off('uncaughtException', note);
  }
});

test('an idle connection that is cut is told, and replaced', async () => {
  const mine = pool();
  const first = await pidOf(mine);
  await pool().query('select pg_terminate_backend($1)', [first]);
  await eventually(() =>
    expect(broken.map(({ message }) => message)).toContainEqual(expect.stringMatching(/terminat/)),
  );
  expect(await pidOf(mine)).not.toBe(first);
});

test('who stops in the middle of a transaction loses it, and its locks with it', async () => {
  const stopped = await pool(300).connect();
  await stopped.query('begin');
  await stopped.query('create table held (a int); lock table commit_clock');
  // Waits for the lock, which nobody gives back.
  await pool().query('select * from commit_clock');
  await expect(stopped.query('commit')).rejects.toThrow();
  stopped.release(true);
  expect((await pool().query(`select to_regclass('held') as held`)).rows).toEqual([{ held: null }]);
});
