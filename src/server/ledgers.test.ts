/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- a body's shape depends on its query; it is compared whole */
/** What Postgres and the raw log know beside the results: dead letters, events, receipts. */
import { performance } from 'node:perf_hooks';
import { decodeToken } from '../position/token.js';
import { position } from '../position/position.js';
import { committedAt } from './testing/fake-store.js';
import { fact } from './testing/fake-proofs.js';
import { startServer, type Harness } from './testing/harness.js';

let server: Harness;
beforeEach(async () => {
  server = await startServer({
    limits: { readMs: 200, proofMs: 200, requestMs: 1_000 },
    monotonicMs: () => performance.now(),
  });
});
afterEach(() => server.close());

const ask = async (query: string) => (await server.query(query)).body;
const codesOf = (body: { errors?: { extensions: { code: string } }[] }) =>
  (body.errors ?? []).map((error) => error.extensions.code);

const letter = (id: number, payload: Buffer | null) => ({
  id: BigInt(id),
  position: position(id),
  topic: 'orders.events',
  partition: 0,
  offset: BigInt(id),
  kafkaKey: null,
  cause: 'BAD_JSON',
  message: 'no JSON',
  payload,
  truncated: (payload?.length ?? 0) >= 4_096,
  state: id === 1 ? 'DISMISSED' : 'OPEN',
  reportedBy: 'orders-kafka-only',
  notedAt: '2026-01-05T09:00:00.000Z',
  replayPartition: null,
  replayOffset: null,
  settledAt: null,
});

test('dead letters are paged newest first, text as text, bytes as base64', async () => {
  const cut = Buffer.from(`${'x'.repeat(4_095)}é`).subarray(0, 4_096);
  server.ledgers.letters = [
    letter(1, null),
    letter(2, Buffer.from([0xff, 0])),
    letter(3, cut),
    letter(4, Buffer.from('{')),
  ];
  const page = async (args: string) =>
    (
      await ask(
        `{ deadLetters(${args}) { edges { node { id payload payloadBase64 payloadTruncated } } pageInfo { hasNextPage endCursor } } }`,
      )
    ).data.deadLetters;
  const first = await page('first: 2');
  expect(first.edges.map((edge: { node: { id: string } }) => edge.node.id)).toEqual(['4', '3']);
  expect(first.edges[0].node).toEqual({ id: '4', payload: '{', payloadBase64: 'ew==', payloadTruncated: false });
  expect([first.edges[1].node.payload, first.edges[1].node.payloadTruncated]).toEqual(['x'.repeat(4_095), true]);
  const second = await page(`after: "${first.pageInfo.endCursor}"`);
  expect(second.edges.map((edge: { node: object }) => edge.node)).toEqual([
    { id: '2', payload: null, payloadBase64: '/wA=', payloadTruncated: false },
    { id: '1', payload: null, payloadBase64: null, payloadTruncated: false },
  ]);
  expect((await page('state: "DISMISSED"')).edges.length).toBe(1);
  expect(codesOf(await ask('{ deadLetters(after: "x") { edges { cursor } } }'))).toEqual(['BAD_CURSOR']);
});

const MUTATION = (call: string): string => `mutation { ${call} { id state settledAt replayOffset } }`;

test('dead letters are replayed and dismissed by their ids, and answered in that order; nothing else is an id', async () => {
  server.ledgers.letters = [letter(1, null), letter(2, null), letter(3, null), letter(4, null)];
  const stateOf = async (call: string, field: string) =>
    (await ask(MUTATION(call))).data[field].map((at: { id: string; state: string }) => [at.id, at.state]);
  expect(await stateOf('replayDeadLetter(ids: ["3", "2", "3"])', 'replayDeadLetter')).toEqual([
    ['3', 'REPLAYED'],
    ['2', 'REPLAYED'],
  ]);
  expect(await stateOf('replayDeadLetter(ids: ["4"], payload: "{}")', 'replayDeadLetter')).toEqual([['4', 'REPLAYED']]);
  expect(await stateOf('dismissDeadLetter(ids: ["1", "4"])', 'dismissDeadLetter')).toEqual([
    ['1', 'DISMISSED'],
    ['4', 'REPLAYED'],
  ]);
  expect(server.ledgers.replayed).toEqual([
    { ids: [3n, 2n], payload: undefined },
    { ids: [4n], payload: '{}' },
  ]);
  for (const ids of ['[]', '["x"]', '["-1"]', '["1", ""]', JSON.stringify(Array(501).fill('1'))])
    expect(codesOf(await ask(MUTATION(`replayDeadLetter(ids: ${ids})`)))).toEqual(['BAD_DEAD_LETTER_IDS']);
});

test('nothing is replayed by a GET, or by what a foreign page can send without asking', async () => {
  server.ledgers.letters = [letter(2, null)];
  const query = MUTATION('replayDeadLetter(ids: ["2"])');
  const tries = [
    await server.get(`/graphql?query=${encodeURIComponent(query)}`, { 'content-type': 'application/json' }),
    await server.post('/graphql', JSON.stringify({ query }), { 'content-type': 'text/plain' }),
    await server.post('/graphql', `query=${encodeURIComponent(query)}`, {
      'content-type': 'application/x-www-form-urlencoded',
    }),
  ];
  expect(tries.map(({ status }) => status >= 400 && status < 500)).toEqual([true, true, true]);
  expect(server.ledgers.replayed).toEqual([]);
});

const event = (at: number, ordinal: number, symbol: string | null = 'A') => ({
  position: position(at),
  ordinal,
  incarnation: null,
  store: null,
  type: 'LATE_UPDATE' as const,
  at: committedAt(at),
  pipeline: 'p',
  run: 'r',
  engine: 'KAFKA_ONLY' as const,
  kind: 'order_window',
  businessKey: 'k',
  symbol,
  levelBefore: null,
  levelAfter: 'LOW' as const,
  reasons: ['LATE_UPDATE'],
  message: 'late',
});

test('events go on from any id, in the one order, and say when some are gone or never were', async () => {
  server.ledgers.stalenessEvents = [event(9, 2), event(10, 1, null), event(9, 10), event(9, 1)];
  const ids = async (args: string) => {
    const body = await ask(
      `{ stalenessEvents${args} { edges { node { id at reasons { code } store } } pageInfo { hasNextPage hasPreviousPage } } }`,
    );
    return body.data.stalenessEvents?.edges.map((edge: { node: { id: string } }) => edge.node.id) ?? codesOf(body);
  };
  expect(await ids('')).toEqual(['9-1', '9-2', '9-10', '10-1']);
  expect(await ids('(after: "9-2")')).toEqual(['9-10', '10-1']);
  expect(await ids('(last: 2)')).toEqual(['9-10', '10-1']);
  expect(await ids('(symbol: "A", first: 1, before: "10-1")')).toEqual(['9-1']);
  expect(await ids('(after: "x")')).toEqual(['BAD_CURSOR']);
  expect(await ids('(after: "101-1")')).toEqual(['EVENT_UNKNOWN']);
  server.ledgers.prunedTo = { position: position(10), ordinal: 1 };
  expect(await ids('(after: "9-2")')).toEqual(['EVENTS_EXPIRED']);
  expect(await ids('(after: "10-1")')).toEqual([]);
});

const AWAIT = (args: string): string => `{ awaitIngested(${args}) { token position missing } }`;

test('awaitIngested answers once every pipeline has counted the events in every result partition, with a token of that proof', async () => {
  server.ledgers.located = [{ eventId: 'e', partition: 0, offset: 7n }];
  server.proofs.pipelines = [fact({ sources: { '0': '8' } }), fact({ resultPartition: 1, sources: { '0': '7' } })];
  const waiting = server.query(AWAIT('eventIds: ["e", "e"]'));
  while (server.proofs.proved < 2) await new Promise((resolve) => setImmediate(resolve));
  server.proofs.at = 107;
  server.proofs.pipelines = [fact({ sources: { '0': '8' } }), fact({ resultPartition: 1, sources: { '0': '8' } })];
  const { body } = await waiting;
  expect(body.data.awaitIngested).toMatchObject({ position: '107', missing: [] });
  expect(decodeToken(body.data.awaitIngested.token)).toEqual({ incarnation: 'inc-1', position: 107n });
});

test('an engine with checkpoints has counted what all of its subtasks say they have', async () => {
  server.ledgers.located = [{ eventId: 'e', partition: 0, offset: 7n }];
  const checkpoints = (progress: Record<string, number>) =>
    fact({ sources: {}, checkpoints: { ...flink.checkpoints!, progress } }, 'FLINK');
  const flink = fact({}, 'FLINK');
  const missing = async (...pipelines: (typeof flink)[]) => {
    server.proofs.pipelines = pipelines;
    return (await ask(AWAIT('eventIds: ["e"], timeoutMs: 0'))).data.awaitIngested.missing;
  };
  const kafkaOnly = fact({ sources: { '0': '8' } });
  expect(await missing(kafkaOnly, checkpoints({ '0': 8 }))).toEqual([]);
  expect(await missing(kafkaOnly, checkpoints({ '0': 7 }))).toEqual(['e']);
  // Who does not say has not, unless what it has committed was seen to be accepted: of one such pipeline.
  expect(await missing(kafkaOnly, checkpoints({}))).toEqual(['e']);
  server.accepted.set(0, 8n);
  expect(await missing(kafkaOnly, checkpoints({}))).toEqual([]);
  expect(await missing(fact({ sources: {} }), checkpoints({}))).toEqual(['e']);
  expect(await missing(kafkaOnly, checkpoints({}), { ...checkpoints({}), pipeline: 'another' })).toEqual(['e']);
});

test('awaitIngested names what was not found or not counted in time, and looks no more often than it must', async () => {
  server.ledgers.located = [
    { eventId: 'counted', partition: 0, offset: 2n },
    { eventId: 'behind', partition: 0, offset: 3n },
  ];
  const body = await ask(AWAIT('eventIds: ["counted", "behind", "nowhere"], timeoutMs: 400'));
  expect(body.data.awaitIngested).toMatchObject({ position: '100', missing: ['behind', 'nowhere'] });
  expect(server.proofs.proved).toBeLessThanOrEqual(5);
  expect((await ask(AWAIT('eventIds: [], timeoutMs: 0'))).data.awaitIngested.missing).toEqual([]);
  expect(codesOf(await ask(AWAIT('eventIds: [""]')))).toEqual(['BAD_EVENT_IDS']);
  server.proofs.failure = new Error('down');
  const down = await ask(AWAIT('eventIds: ["counted"], timeoutMs: 200'));
  expect([down.data, down.errors.length]).toEqual([{ awaitIngested: null }, 1]);
});
