/**
 * Ingest as processes of their own against a real Kafka and a real Postgres: killed, stopped, cut off, rebalanced
 * (checks 3, 4, 5). After each fault: every record that was sent has been taken in, once, and nothing else is there.
 */
import { Client } from 'pg';
import { eventually } from './harness/eventually.js';
import { IngestChild } from './harness/ingest-child.js';
import { groupOf } from './harness/kafka.js';
import { Feed } from './harness/ingest-feed.js';
import { POINTS, type Fault, type IngestProgram } from './harness/ingest-program-types.js';
import { consumed, discrepancies } from './harness/ingest-truth.js';
import { startKafkaAndPostgres, type KafkaAndPostgres } from './harness/kafka-and-postgres.js';

const KILLS_PER_POINT = 5;

let servers: KafkaAndPostgres;
let feed: Feed;
let sql: Client;
let groups = 0;
const children: IngestChild[] = [];

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: servers.postgresUrl });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
function start(program: Partial<IngestProgram> = {}): IngestChild {
  const child = new IngestChild({
    brokers: servers.brokers,
    postgresUrl: servers.linkedPostgresUrl,
    group: `group-${(groups += 1)}`,
    maxBytes: 4_096,
    drainMs: 8_000,
    ...program,
  });
  children.push(child);
  return child;
}
const takenIn = (timeoutMs = 120_000): Promise<void> =>
  eventually(async () => expect(await consumed(sql)).toEqual(feed.ends), { timeoutMs, everyMs: 100 });
/** Feeds a round every so often until it is stopped. */
function feeding(everyMs: number): { stop(): Promise<void> } {
  let going = true;
  const done = (async (): Promise<void> => {
    while (going) {
      await feed.produce(1);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  })();
  return {
    stop: () => {
      going = false;
      return done;
    },
  };
}
/** It takes records in, from so many partitions at least, from now on. */
async function progress(child: IngestChild, partitions = 1): Promise<void> {
  const before = child.said.length;
  const fresh = (): Set<number> =>
    new Set(
      child.said
        .slice(before)
        .flatMap((said) => (said.type === 'committed' && said.consumed > 0 ? [said.partition] : [])),
    );
  await eventually(() => expect(fresh().size).toBeGreaterThanOrEqual(partitions), { timeoutMs: 90_000, everyMs: 20 });
}

beforeAll(async () => {
  servers = await startKafkaAndPostgres();
  sql = await connect();
  feed = new Feed(servers.brokers);
  await feed.start();
}, 300_000);
afterEach(async () => {
  servers.kafkaLink.heal();
  servers.postgresLink.heal();
  for (const child of children.splice(0)) child.signal('SIGKILL');
});
afterAll(async () => {
  await feed?.stop();
  await sql?.end();
  await servers?.stop();
}, 60_000);

test(`killed -9 at each of ${POINTS.length} points, ${KILLS_PER_POINT} times: every record is taken in once`, async () => {
  await feed.produce(120);
  const faults = POINTS.flatMap((at) =>
    Array.from({ length: KILLS_PER_POINT }, (_, i): Fault => ({
      kind: 'kill',
      at,
      nth: at === 'kafka-committed' ? 1 + (i % 3) : 1 + i,
    })),
  );
  // Two at a time, each of a group of its own: the second consumer of every partition is there from the start.
  const lane = async (mine: readonly Fault[]): Promise<void> => {
    for (const fault of mine) {
      const child = start({ fault });
      expect(await child.ended).toEqual({ code: null, signal: 'SIGKILL' });
      expect(child.of('fault')).toMatchObject([{ at: fault.at }]);
    }
  };
  await Promise.all([0, 1].map((n) => lane(faults.filter((_, i) => i % 2 === n))));
  // They must have died in the middle: with nothing left to take in, a kill would prove nothing.
  expect((await consumed(sql)).filter((next, p) => next >= feed.ends[p]!)).toEqual([]);
  start();
  await takenIn();
  expect(await discrepancies(sql, feed)).toEqual([]);
}, 400_000);

test('rebalanced from two to three to one, by joining, leaving and dying, under load: every record is taken in once', async () => {
  const load = feeding(100);
  const [a, b] = [start({ group: 'rebalanced' }), start({ group: 'rebalanced' })];
  await Promise.all([progress(a), progress(b)]);
  const c = start({ group: 'rebalanced' });
  await progress(c);
  await Promise.all([progress(a), progress(b), progress(c)]);
  expect(await b.drain()).toEqual({ code: 0, signal: null });
  await c.kill9();
  await progress(a, 4);
  await load.stop();
  await takenIn();
  expect(await discrepancies(sql, feed)).toEqual([]);
}, 240_000);

test('zombies that stop after the poll, holding the lock, holding the clock: the others go on, and what they wake up with is fenced', async () => {
  const group = 'zombies';
  const sweeper = start();
  await takenIn();
  await sweeper.drain();
  const zombies = (['polled', 'locked', 'written'] as const).map((at) =>
    start({ group, fault: { kind: 'stop', at, nth: 1 } }),
  );
  const survivor = start({ group });
  // One partition each, and nothing to take in before.
  const whole = async (): Promise<void> =>
    expect(await groupOf(servers.brokers, group)).toEqual({ state: 'Stable', members: 4 });
  await eventually(whole, { timeoutMs: 90_000, everyMs: 200 });
  await feed.produce(2);
  for (const zombie of zombies) await zombie.until('fault');
  await feed.produce(3);
  // Beyond the session timeout; and Postgres takes the locks away from who does not go on.
  await takenIn();
  expect(survivor.consumed).toBeGreaterThan(0);
  for (const zombie of zombies) zombie.signal('SIGCONT');
  await eventually(whole, { timeoutMs: 90_000, everyMs: 200 });
  const all = Promise.all([...zombies, survivor].map((child) => progress(child)));
  await feed.produce(5);
  await all;
  await takenIn();
  const [polled, ...holding] = zombies;
  // The batch it had polled has been taken in by another: nothing of it was written a second time.
  expect(polled!.of('committed')[0]).toMatchObject({ consumed: 0, position: null });
  for (const zombie of holding) {
    expect(
      zombie
        .of('log')
        .map(({ message }) => message)
        .join(),
    ).toMatch(/reading again/);
  }
  expect(await discrepancies(sql, feed)).toEqual([]);
}, 240_000);

test('a batch that takes longer than the session costs no membership; sent away in the middle of a transaction it ends that transaction; one that hangs is cut off, and nothing of it stays', async () => {
  await feed.produce(20);
  // The session is of 6 s.
  const patient = start({ fault: { kind: 'hold', at: 'polled', nth: 1, holdMs: 8_000 } });
  const finishing = start({ fault: { kind: 'hold', at: 'written', nth: 2, holdMs: 1_500 } });
  await finishing.until('fault');
  expect(await finishing.drain()).toEqual({ code: 0, signal: null });
  const drainedAt = finishing.said.findIndex(({ type }) => type === 'draining');
  expect(finishing.said.slice(drainedAt)).toContainEqual(
    expect.objectContaining({ type: 'committed', position: expect.any(Number) }),
  );

  const hanging = start({ drainMs: 1_500, fault: { kind: 'hold', at: 'written', nth: 1, holdMs: 600_000 } });
  await hanging.until('fault');
  const before = await consumed(sql);
  const partitions = hanging.of('committed').length;
  // Long before the hold is over: it is the drain's own limit that ends it.
  expect(await hanging.drain()).toEqual({ code: 0, signal: null });
  expect(hanging.of('log').map(({ message }) => message)).toContainEqual(expect.stringContaining('not drained within'));
  const after = await consumed(sql);
  const moved = after.filter((next, p) => next !== before[p]).length;
  expect(moved).toBeLessThanOrEqual(hanging.of('committed').length - partitions);
  await patient.until('fault');
  await patient.until('committed');
  const goesOn = progress(patient);
  await feed.produce(1);
  await goesOn;
  // It says so when the group has given its place away: "not aware of this member", "rebalancing".
  expect(patient.of('log').map(({ message }) => message)).toEqual([]);
  start();
  await takenIn();
  expect(await discrepancies(sql, feed)).toEqual([]);
}, 240_000);
