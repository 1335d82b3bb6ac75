/** The durable log of events as subscribers hear it: two writers, two servers, late commits, cut connections. */
import { Pool } from 'pg';
import { WebSocket } from 'ws';
import { eventually } from '../../test/harness/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import { createPostgresIngestStore } from '../ingest/postgres.js';
import { idOf, readId } from '../position/event-id.js';
import { EVENTS_CHANNEL } from '../position/channels.js';
import { startServer } from '../server/testing/harness.js';
import { startClock } from '../stores/postgres/clock.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import { createListener, type Listener } from '../stores/postgres/listen.js';
import { EventFeed } from './feed.js';
import type { Follower } from './follower.js';
import type { NewEvent } from './transitions.js';

/** Of a slow, loaded machine. */
const TEST_MS = 120_000;
const PATIENT = { timeoutMs: 60_000, everyMs: 20 };

let database: TestDatabase;
let pool: Pool;
let listeners: Listener[];
beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 8 });
  pool.on('error', () => undefined);
  listeners = [];
  await startClock(pool, []);
});
afterEach(async () => {
  await Promise.all(listeners.map((listener) => listener.stop()));
  await pool.end();
  await database.drop();
});

const newListener = (): Listener => {
  const listener = createListener({ connectionString: database.url, warn: () => undefined });
  listeners.push(listener);
  return listener;
};
const newFeed = (buffer: number): EventFeed => {
  const listener = newListener();
  return new EventFeed({
    log: createPostgresLedgers(pool),
    listen: (told) => listener.on(EVENTS_CHANNEL, told),
    buffer,
    slowMs: 60_000,
    monotonicMs: () => performance.now(),
    warn: () => undefined,
  });
};

/** Numbers in [0, below), the same for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const happening = (businessKey: string): NewEvent => ({
  type: 'LATE_UPDATE',
  pipeline: 'p',
  run: 'r',
  engine: 'KAFKA_ONLY',
  kind: 'order_window',
  businessKey,
  symbol: null,
  levelBefore: null,
  levelAfter: null,
  reasons: [],
  message: businessKey,
});

/** A transaction that has taken its place and written its events, and is not committed yet. */
async function open(keys: readonly string[]): Promise<() => Promise<void>> {
  const tx = await createPostgresIngestStore(pool).begin();
  const tick = await tx.takeClock();
  await tx.writeEvents(tick, keys.map(happening));
  await tx.writeLog(tick, '[]', []);
  return () => tx.commit();
}

/** Writes until it has written so many transactions, of 0 to 3 events, some of which commit late. */
async function write(name: string, transactions: number, seed: number): Promise<void> {
  const next = random(seed);
  for (let i = 0; i < transactions; i++) {
    const commit = await open(Array.from({ length: next(4) }, (_, n) => `${name}-${i}-${n}`));
    if (next(10) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await commit();
  }
}

async function written(): Promise<string[]> {
  const { rows } = await pool.query<{ position: string; ordinal: number; incarnation: string }>(
    'select position, ordinal, incarnation from staleness_events order by position, ordinal',
  );
  return rows.map(({ position, ordinal, incarnation }) => idOf({ ...readId(`${position}-${ordinal}`)!, incarnation }));
}

/** Collects the ids that a follower is given, until it ends. */
function collect(follower: Follower): string[] {
  const ids: string[] = [];
  void (async () => {
    for await (const event of follower) ids.push(idOf(event));
  })();
  return ids;
}

test(
  'two writers and two servers: every event once, in one order, to each subscriber, also to those behind the buffer',
  async () => {
    const feeds = [newFeed(1_000), newFeed(3)];
    const following = { after: null, filter: {}, tooSlow: () => undefined };
    const heard = await Promise.all(feeds.map(async (feed) => collect(await feed.follow(following))));
    await Promise.all([write('a', 80, 1), write('b', 80, 2)]);
    const all = await written();
    expect(all.length).toBeGreaterThan(100);
    await eventually(() => expect(heard).toEqual([all, all]), PATIENT);
    const half = all[all.length >> 1]!;
    const rest = await Promise.all(
      feeds.map(async (feed) => collect(await feed.follow({ ...following, after: readId(half) }))),
    );
    const after = all.slice((all.length >> 1) + 1);
    await eventually(() => expect(rest).toEqual([after, after]), PATIENT);
    await Promise.all(feeds.map((feed) => feed.close()));
    // Nothing came twice while they went on.
    expect(heard).toEqual([all, all]);
  },
  TEST_MS,
);

test(
  'a transaction that took its place before and commits late is not skipped by who has read meanwhile',
  async () => {
    const feed = newFeed(100);
    const follower = await feed.follow({ after: null, filter: {}, tooSlow: () => undefined });
    const heard = collect(follower);
    const commit = await open(['late']);
    // It takes its place only when the first one has committed.
    const second = open(['second']).then((end) => end());
    await feed.refresh();
    expect(heard).toEqual([]);
    await commit();
    await second;
    const all = await written();
    expect(all.length).toBe(2);
    await eventually(() => expect(heard).toEqual(all), PATIENT);
    await feed.close();
  },
  TEST_MS,
);

const SUBSCRIBE = 'subscription ($after: ID) { stalenessEvents(after: $after) { id } }';

/** One connection, cut hard once it has heard so many events. @returns the ids of what it heard */
function connection(url: string, after: string | null, most: number): Promise<string[]> {
  const socket = new WebSocket(url.replace('http', 'ws') + '/graphql', ['graphql-transport-ws']);
  const ids: string[] = [];
  const cut = (): void => {
    socket.removeAllListeners('message');
    socket.terminate();
  };
  return new Promise((resolve, reject) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(ids));
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString('utf8')) as {
        type: string;
        payload?: { data: { stalenessEvents: { id: string } } };
      };
      if (message.type === 'connection_ack') {
        const payload = { query: SUBSCRIBE, variables: { after } };
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
        if (most === 0) cut();
      } else if (message.type === 'next' && message.payload !== undefined) {
        ids.push(message.payload.data.stalenessEvents.id);
        if (ids.length >= most) cut();
      } else reject(new Error(`unexpected: ${JSON.stringify(message)}`));
    });
  });
}

test(
  '200 random cuts of the socket, and cuts of the server’s own connection: nothing missed, nothing twice',
  async () => {
    const listener = newListener();
    const server = await startServer({
      log: { events: createPostgresLedgers(pool), listen: (channel, told) => listener.on(channel, told) },
      monotonicMs: () => performance.now(),
    });
    await write('before', 1, 3);
    const commit = await open(['first']);
    await commit();
    const [start, ...known] = await written();
    expect(start).toBeDefined();
    const next = random(42);
    const heard: string[] = [];
    let cuts = 0;
    let writing = true;
    const writers = ['a', 'b'].map(async (name, seed) => {
      for (let round = 0; writing; round++) await write(`${name}${round}`, 3, seed + round);
    });
    try {
      for (; cuts < 200; cuts++) {
        heard.push(...(await connection(server.url, heard.at(-1) ?? start!, next(12))));
        if (cuts % 25 === 0)
          await pool.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidemark-events' and datname = current_database()`,
          );
      }
    } finally {
      writing = false;
      await Promise.all(writers);
    }
    const all = (await written()).slice(1);
    expect(all.length).toBeGreaterThan(known.length);
    while (heard.length < all.length) {
      const more = await connection(server.url, heard.at(-1) ?? start!, all.length - heard.length);
      expect(more.length).toBeGreaterThan(0);
      heard.push(...more);
    }
    expect(heard.length).toBe(all.length);
    expect(heard.findIndex((id, i) => id !== all[i])).toBe(-1);
    await server.close();
  },
  TEST_MS,
);
