/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- a message's shape depends on its document; it is compared whole */
/** Subscriptions with the clients that people use: graphql-ws, graphql-sse, and a bare WebSocket. */
import { createClient as createStream } from 'graphql-sse';
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { eventually } from '../../test/harness/eventually.js';
import { CHANGES_CHANNEL, EVENTS_CHANNEL } from '../position/channels.js';
import { position } from '../position/position.js';
import type { StalenessEvent } from '../stores/port.js';
import { appliedAt, committedAt, windowRow } from './testing/fake-store.js';
import { startServer, type Harness, type HarnessOptions } from './testing/harness.js';

/** Of a slow, loaded machine. */
const TEST_MS = 60_000;
let server: Harness;
let client: Client | null = null;
const start = async (options: HarnessOptions = {}): Promise<void> => {
  server = await startServer({ ...options, monotonicMs: () => performance.now() });
};
afterEach(async () => {
  await client?.dispose();
  client = null;
  await server.close();
});

const wsUrl = (): string => `${server.url.replace('http', 'ws')}/graphql`;
const connect = (connectionParams?: Record<string, unknown>): Client => {
  client = createClient({
    url: wsUrl(),
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    ...(connectionParams && { connectionParams }),
  });
  return client;
};

/** What a subscription has given so far. */
interface Heard {
  // The shape depends on the document; tests compare it whole.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly next: any[];
  ended: unknown;
  stop: () => void;
}
/** What both clients have. */
interface Subscribes {
  subscribe(
    payload: { readonly query: string; readonly variables?: Record<string, unknown> },
    sink: { next(value: unknown): void; error(error: unknown): void; complete(): void },
  ): () => void;
}
function subscribe(by: Subscribes, query: string, variables?: Record<string, unknown>): Heard {
  const heard: Heard = { next: [], ended: null, stop: () => undefined };
  heard.stop = by.subscribe(
    { query, ...(variables && { variables }) },
    {
      next: (value) => void heard.next.push(value),
      error: (error) => void (heard.ended = error),
      complete: () => void (heard.ended ??= 'complete'),
    },
  );
  return heard;
}

const event = (at: number, ordinal = 1, over: Partial<StalenessEvent> = {}): StalenessEvent => ({
  position: position(at),
  ordinal,
  incarnation: 'aaaaaaaa-0000-4000-8000-000000000000',
  store: null,
  type: 'LATE_UPDATE',
  at: committedAt(at),
  pipeline: 'p',
  run: 'r',
  engine: 'KAFKA_ONLY',
  kind: 'order_window',
  businessKey: `k${at}`,
  symbol: at % 2 === 0 ? 'EVEN' : 'ODD',
  levelBefore: null,
  levelAfter: 'LOW',
  reasons: ['LATE_UPDATE'],
  message: 'late',
  ...over,
});
const happens = (...events: StalenessEvent[]): void => {
  server.ledgers.stalenessEvents.push(...events);
  server.ledgers.clock = events.at(-1)!.position;
  server.ledgers.tell(EVENTS_CHANNEL);
};
const EVENTS =
  'subscription ($after: ID, $symbol: String) { stalenessEvents(after: $after, symbol: $symbol) { id type reasons { code } } }';
const idsOf = (heard: Heard): string[] =>
  heard.next.map((one: { data: { stalenessEvents: { id: string } } }) => one.data.stalenessEvents.id);
const id = (at: number, ordinal = 1): string => `${at}-${ordinal}-aaaaaaaa`;

test(
  'events are told as they happen, to each what it asked for; `after` goes on behind what is there already',
  async () => {
    await start();
    happens(event(101), event(102), event(103));
    connect();
    const all = subscribe(client!, EVENTS, { after: id(101) });
    const odd = subscribe(client!, EVENTS, { symbol: 'ODD' });
    const stream = createStream({ url: `${server.url}/graphql/stream`, retryAttempts: 0 });
    const sse = subscribe(stream, EVENTS, { after: id(102) });
    await eventually(() => expect([idsOf(all), idsOf(sse)]).toEqual([[id(102), id(103)], [id(103)]]));
    // The one without `after` has nothing to show yet: what it hears first says that it is there.
    await eventually(() => {
      const next = server.ledgers.clock + 1n;
      happens(event(Number(next)));
      expect(odd.next.length).toBeGreaterThan(0);
    });
    const last = Number(server.ledgers.clock);
    const expected = Array.from({ length: last - 101 }, (_, i) => id(102 + i));
    await eventually(() => expect([idsOf(all), idsOf(sse)]).toEqual([expected, expected.slice(1)]));
    expect(all.next[0]).toEqual({
      data: { stalenessEvents: { id: id(102), type: 'LATE_UPDATE', reasons: [{ code: 'LATE_UPDATE' }] } },
    });
    expect(idsOf(odd).every((one) => Number(one.split('-')[0]) % 2 === 1)).toBe(true);
    all.stop();
    await eventually(() => expect(all.ended).toBe('complete'));
    stream.dispose();
  },
  TEST_MS,
);

test(
  'what retention removed is told as a gap with a place to go on from, and so is another history',
  async () => {
    await start();
    happens(event(101), event(105));
    server.ledgers.prunedTo = { position: position(103), ordinal: 2 };
    connect();
    const pruned = subscribe(client!, EVENTS, { after: id(101) });
    const foreign = subscribe(client!, EVENTS, { after: '104-1-bbbbbbbb' });
    const again = subscribe(client!, EVENTS, { after: id(103, 2) });
    const types = (heard: Heard): unknown[] =>
      heard.next.map((one: { data: { stalenessEvents: { id: string; type: string } } }) => [
        one.data.stalenessEvents.type,
        one.data.stalenessEvents.id,
      ]);
    await eventually(() => {
      expect(types(pruned)).toEqual([
        ['GAP', id(103, 2)],
        ['LATE_UPDATE', id(105)],
      ]);
      expect(types(foreign)).toEqual([['GAP', id(105, 2_147_483_647)]]);
      expect(types(again)).toEqual([['LATE_UPDATE', id(105)]]);
    });
    // Postgres is restored while they listen: position 105 is to come once more.
    server.ledgers.stalenessEvents = [];
    server.ledgers.incarnation = 'cccccccc-0000-4000-8000-000000000000';
    server.ledgers.clock = position(104);
    server.ledgers.tell(EVENTS_CHANNEL);
    await eventually(() => expect(types(again).at(-1)).toEqual(['GAP', '104-2147483647-cccccccc']));
    happens(event(105, 1, { incarnation: server.ledgers.incarnation }));
    await eventually(() => expect(types(again).at(-1)).toEqual(['LATE_UPDATE', '105-1-cccccccc']));
  },
  TEST_MS,
);

test(
  'a result is told as it is, then as it changes: never older than the change, whichever store answers',
  async () => {
    await start();
    const row = windowRow({ position: position(100) });
    server.mongodb.hold(row);
    server.postgres.hold(row);
    connect();
    const query = `subscription { it: resultChanged(kind: "order_window", businessKey: "${row.businessKey}") { revision value { value servedBy stalenessMs } } }`;
    const heard = subscribe(client!, query);
    await eventually(() => expect(heard.next.length).toBe(1));
    expect(heard.next[0].data.it.value.servedBy).toBe('MONGODB');
    expect(heard.next[0].extensions.consistency.contracts[0].paths).toEqual(['it']);
    // MongoDB has not got it yet.
    server.postgres.hold(windowRow({ position: position(101), revision: 7 }));
    server.proofs.at = 101;
    server.proofs.change(row, 101);
    server.ledgers.tell(CHANGES_CHANNEL);
    await eventually(() => expect(heard.next.length).toBe(2));
    expect(heard.next[1].data.it).toMatchObject({ revision: 7, value: { servedBy: 'POSTGRES' } });
    // A change of another key is none of this one.
    server.proofs.at = 102;
    server.ledgers.tell(CHANGES_CHANNEL);
    server.mongodb.applied = appliedAt(103);
    server.mongodb.hold(windowRow({ position: position(103), revision: 8 }));
    server.proofs.at = 103;
    server.proofs.change(row, 103);
    server.ledgers.tell(CHANGES_CHANNEL);
    await eventually(() => expect(heard.next.at(-1).data.it.revision).toBe(8));
    expect(heard.next.length).toBe(3);
  },
  TEST_MS,
);

test(
  'a query over a WebSocket has the contracts that it has over HTTP, and the same limits',
  async () => {
    await start({ limits: { cost: 50 } });
    const row = windowRow({ position: position(100) });
    server.mongodb.hold(row);
    const query = `{ result(kind: "order_window", businessKey: "${row.businessKey}") { value { value confidenceLevel reasons { code } provenAt } } }`;
    connect();
    const [heard, over] = [subscribe(client!, query), (await server.query(query)).body];
    await eventually(() => expect(heard.ended).toBe('complete'));
    const timeless = (answer: object): unknown =>
      JSON.parse(JSON.stringify(answer, (key, value: unknown) => (key === 'stalenessMs' ? 'number' : value)));
    expect(timeless(heard.next[0])).toEqual(timeless(over));
    const codes = async (text: string): Promise<unknown> => {
      const refused = subscribe(client!, text);
      await eventually(() => expect(refused.ended).not.toBeNull());
      const errors = refused.next[0]?.errors ?? refused.ended;
      return errors.map((error: { extensions: { code: string } }) => error.extensions.code);
    };
    expect(await codes('{ orders(first: 100) { edges { cursor } } }')).toEqual(['COST_EXCEEDED']);
    expect(await codes('subscription { nothing }')).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect(await codes('subscription { stalenessEvents(after: "x") { id } }')).toEqual(['BAD_CURSOR']);
  },
  TEST_MS,
);

/** How a bare WebSocket ends that sends these messages. */
async function closed(
  messages: readonly object[],
  protocols = ['graphql-transport-ws'],
  headers = {},
): Promise<number> {
  const socket = new WebSocket(wsUrl(), protocols, { headers });
  return new Promise((resolve) => {
    const rest = [...messages];
    const say = (count: number): void => rest.splice(0, count).forEach((one) => socket.send(JSON.stringify(one)));
    // What follows the first message waits for its answer.
    socket.on('open', () => say(1));
    socket.on('message', () => say(rest.length));
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => undefined);
    socket.on('close', (code) => resolve(code));
  });
}

test(
  'who may not read is told so by the protocol’s codes, or not let in',
  async () => {
    const token = 'a-token-of-16-characters';
    await start({ config: { token } });
    const init = { type: 'connection_init' };
    const operation = { id: '1', type: 'subscribe', payload: { query: EVENTS } };
    expect(await closed([init])).toBe(4403);
    expect(await closed([{ ...init, payload: { authorization: 'Bearer wrong' } }])).toBe(4403);
    expect(await closed([operation])).toBe(4401);
    expect(await closed([], ['graphql-transport-ws'], { authorization: 'Bearer wrong' })).toBe(401);
    expect(await closed([], ['graphql-transport-ws'], { origin: 'http://elsewhere.example' })).toBe(403);
    const trusted = { authorization: `Bearer ${token}` };
    expect(await closed([init, init], ['graphql-transport-ws'], trusted)).toBe(4429);
    expect(await closed([init, operation, operation], ['graphql-transport-ws'], trusted)).toBe(4409);
    expect(await closed([{ type: 'nonsense' }], ['graphql-transport-ws'], trusted)).toBe(4400);
    expect((await server.get('/graphql/stream', { accept: 'text/event-stream' })).status).toBe(401);
    const heard = subscribe(connect({ authorization: `Bearer ${token}` }), EVENTS);
    await eventually(() => {
      happens(event(Number(server.ledgers.clock) + 1));
      expect(heard.next.length).toBeGreaterThan(0);
    });
  },
  TEST_MS,
);

test(
  'connections are bounded, in all and by caller, and so are the operations on one',
  async () => {
    const subscriptions = { ...LIMITS, perCaller: 2, perConnection: 1 };
    await start({ limits: { subscriptions } });
    const heard = subscribe(connect(), EVENTS);
    const second = subscribe(client!, EVENTS);
    await eventually(() => expect(second.ended).not.toBeNull());
    expect(second.ended).toMatchObject([{ extensions: { code: 'SUBSCRIPTION_LIMIT' } }]);
    const other = new WebSocket(wsUrl(), ['graphql-transport-ws']);
    await new Promise((resolve) => other.on('open', resolve));
    expect(await closed([])).toBe(429);
    expect(
      (await server.get(`/graphql/stream?query=${encodeURIComponent(EVENTS)}`, { accept: 'text/event-stream' })).status,
    ).toBe(429);
    other.terminate();
    await eventually(async () => expect(await closed([{ type: 'nonsense' }])).toBe(4400));
    expect(heard.ended).toBeNull();
  },
  TEST_MS,
);

test(
  'a subscriber that takes nothing is cut with a code',
  async () => {
    await start({ limits: { subscriptions: { ...LIMITS, slowMs: 300, buffer: 100 } } });
    const socket = new WebSocket(wsUrl(), ['graphql-transport-ws']);
    const code = new Promise((resolve) => socket.on('close', resolve));
    await new Promise((resolve) => socket.on('open', resolve));
    socket.send(JSON.stringify({ type: 'connection_init' }));
    const query = 'subscription { stalenessEvents { message } }';
    await new Promise((resolve) => socket.once('message', resolve));
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
    let taken = 0;
    socket.on('message', () => taken++);
    const message = 'x'.repeat(100_000);
    await eventually(() => {
      happens(event(Number(server.ledgers.clock) + 1, 1, { message }));
      expect(taken).toBeGreaterThan(1);
    });
    socket.pause();
    const from = Number(server.ledgers.clock) + 1;
    happens(...Array.from({ length: 400 }, (_, i) => event(from + i, 1, { message })));
    const metric = async (): Promise<number> =>
      Number(/tidemark_subscribers_cut_total (\d+)/.exec((await server.get('/metrics')).text)?.[1]);
    await eventually(async () => expect(await metric()).toBe(1));
    socket.resume();
    expect(await code).toBe(4430);
    expect(taken).toBeLessThan(400);
  },
  TEST_MS,
);

test(
  'a server that stops ends its subscriptions and says that it is going',
  async () => {
    await start();
    const heard = subscribe(connect(), EVENTS);
    const stream = createStream({ url: `${server.url}/graphql/stream`, retryAttempts: 0 });
    const sse = subscribe(stream, EVENTS);
    const code = new Promise((resolve) => client!.on('closed', (event) => resolve((event as { code: number }).code)));
    await eventually(() => {
      happens(event(Number(server.ledgers.clock) + 1));
      expect([heard.next.length, sse.next.length].every((length) => length > 0)).toBe(true);
    });
    await server.close();
    await eventually(() => expect([heard.ended, sse.ended]).toEqual(['complete', 'complete']));
    expect(await code).toBe(1001);
    stream.dispose();
  },
  TEST_MS,
);

const LIMITS = {
  connections: 10,
  perCaller: 10,
  perConnection: 10,
  buffer: 1_000,
  slowMs: 10_000,
  buffered: 4_194_304,
  keepAliveMs: 12_000,
};
