/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- a body's shape depends on its query; it is compared whole */
/** What clients may demand of an answer, who gives it then, and what is said when nobody can (contract.md §8). */
import { performance } from 'node:perf_hooks';
import { position } from '../position/position.js';
import { decodeToken, encodeToken } from '../position/token.js';
import { fact } from './testing/fake-proofs.js';
import { appliedAt, windowRow } from './testing/fake-store.js';
import { startServer, type Harness } from './testing/harness.js';

const AT = '2026-01-05T09:02:30.000Z';
const ONE = `orderWindow(symbol: "005930", at: "${AT}")`;
const HIGH = { cap: 'HIGH', reasons: [] } as const;
const FIELDS = '{ totalAmount { confidenceLevel servedBy } }';

let server: Harness;
const options = {
  monotonicMs: () => performance.now(),
  limits: { requestMs: 60_000, proofMs: 5_000, readMs: 5_000, answerMs: 10_000, postgresReads: 2, postgresQueue: 4 },
};
beforeEach(async () => {
  server = await startServer(options);
  for (const store of [server.postgres, server.mongodb]) store.hold(windowRow(HIGH));
});
afterEach(() => server.close());

const token = (at: number, incarnation = 'inc-1'): string => encodeToken({ incarnation, position: position(at) });
const ask = async (demand: string) => (await server.query(`{ ${ONE} @consistency(${demand}) ${FIELDS} }`)).body;
const served = async (demand: string) => {
  const { data, extensions } = await ask(demand);
  const { servedBy, confidenceLevel } = data.orderWindow.totalAmount;
  return [servedBy, confidenceLevel, extensions.consistency.unmet?.length ?? 0];
};
/** MongoDB has not applied the last change of the row; Postgres has. */
const mongoBehind = (cap: 'HIGH' | 'LOW' = 'HIGH'): void => {
  server.mongodb.applied = appliedAt(95);
  server.proofs.change(windowRow(), 98, cap);
};

test('the preferred store answers if it can; if it is far behind, Postgres does', async () => {
  expect(await served('minConfidence: HIGH, maxStalenessMs: 2000')).toEqual(['MONGODB', 'HIGH', 0]);
  expect(server.postgres.asked).toEqual([]);
  mongoBehind();
  expect(await served('minConfidence: HIGH')).toEqual(['POSTGRES', 'HIGH', 0]);
  expect(await served(`atLeast: "${token(96)}"`)).toEqual(['POSTGRES', 'HIGH', 0]);
  expect(await served('maxStalenessMs: 2000')).toEqual(['POSTGRES', 'HIGH', 0]);
  // Nothing of it is demanded: MongoDB will do, with the level that it has.
  expect(await served(`atLeast: "${token(95)}"`)).toEqual(['MONGODB', 'EVENTUALLY_CONSISTENT', 0]);
});

test('a level that no store can give is not looked for in other stores', async () => {
  mongoBehind('LOW');
  const { data, extensions } = await ask('minConfidence: EVENTUALLY_CONSISTENT, explainPlan: true');
  expect(data.orderWindow.totalAmount).toEqual({ confidenceLevel: 'LOW', servedBy: 'MONGODB' });
  expect(server.postgres.asked).toEqual([]);
  expect(extensions.consistency.unmet).toMatchObject([
    { path: 'orderWindow', offered: [{ store: 'MONGODB', lacks: ['LEVEL'] }], retryAfterMs: null },
  ]);
  expect(extensions.consistency.plan).toMatchObject([
    {
      path: 'orderWindow',
      met: false,
      servedBy: 'MONGODB',
      steps: [{ did: 'READ', store: 'MONGODB', outcome: 'UNMET' }],
    },
  ]);
});

test('unmet: the best answer and a note, null, or a coded error with what was offered', async () => {
  mongoBehind();
  server.postgres.failure = new Error('down');
  expect(await served('minConfidence: HIGH')).toEqual(['MONGODB', 'EVENTUALLY_CONSISTENT', 1]);
  const none = await ask('minConfidence: HIGH, onUnmet: NULL');
  expect([none.data, none.errors]).toEqual([{ orderWindow: null }, undefined]);
  expect(none.extensions.consistency).toMatchObject({ contracts: [], weakest: null, unmet: [{ path: 'orderWindow' }] });
  const error = await ask('minConfidence: HIGH, onUnmet: ERROR');
  expect(error.data).toEqual({ orderWindow: null });
  expect(error.errors).toMatchObject([
    {
      path: ['orderWindow'],
      extensions: {
        code: 'CONSISTENCY_UNMET',
        retryable: true,
        required: { minConfidence: 'HIGH', scope: null, onUnmet: 'ERROR' },
        offered: [{ store: 'MONGODB', confidenceLevel: 'EVENTUALLY_CONSISTENT', position: '95', lacks: ['LEVEL'] }],
        retryAfterMs: 5000,
      },
    },
  ]);
});

test('WAIT waits until the store has come there, wakes with it, and reads anew', async () => {
  mongoBehind();
  server.postgres.failure = new Error('down');
  const answer = ask('minConfidence: HIGH, onUnmet: WAIT, timeoutMs: 30000, explainPlan: true');
  // Looked at while it waits.
  while (server.mongodb.asked.length < 4) await new Promise((resolve) => setImmediate(resolve));
  server.mongodb.applied = appliedAt(98);
  const { data, extensions } = await answer;
  expect(data.orderWindow.totalAmount).toEqual({ confidenceLevel: 'HIGH', servedBy: 'MONGODB' });
  expect(extensions.consistency.plan[0].steps).toMatchObject([
    { did: 'READ', store: 'MONGODB', outcome: 'UNMET', lacks: ['LEVEL'] },
    { did: 'READ', store: 'POSTGRES', outcome: 'FAILED' },
    { did: 'WAIT', store: 'MONGODB', outcome: 'REACHED', until: '98' },
    { did: 'READ', store: 'MONGODB', outcome: 'MET' },
  ]);
});

test('WAIT that was in vain is CONSISTENCY_UNMET, and a search waits for what it can find', async () => {
  await server.close();
  server = await startServer({ ...options, stores: ['POSTGRES', 'ELASTICSEARCH'] });
  server.elasticsearch.applied = appliedAt(95);
  server.proofs.change(windowRow(), 97);
  const search = (demand: string) =>
    server.query(`{ search(text: "x") @consistency(${demand}) { contract { servedBy } } }`);
  const late = await search(`atLeast: "${token(97)}", onUnmet: WAIT, timeoutMs: 60`);
  expect(late.body.errors).toMatchObject([
    {
      extensions: {
        code: 'CONSISTENCY_UNMET',
        offered: [{ store: 'ELASTICSEARCH', lacks: ['POSITION'], position: '95' }],
      },
    },
  ]);
  const found = search(`atLeast: "${token(97)}", onUnmet: WAIT, timeoutMs: 30000`);
  const looked = server.elasticsearch.asked.length;
  while (server.elasticsearch.asked.length < looked + 3) await new Promise((resolve) => setImmediate(resolve));
  server.elasticsearch.applied = appliedAt(97);
  expect((await found).body).toMatchObject({ data: { search: { contract: { servedBy: 'ELASTICSEARCH' } } } });
});

test('however many wait for a store, it is looked at by one at a time', async () => {
  mongoBehind();
  server.postgres.failure = new Error('down');
  // Opens its breaker.
  for (let i = 0; i < 5; i++) await ask('scope: STRONG');
  const asked = server.mongodb.asked.length;
  const waiting = Array.from({ length: 30 }, () => ask('minConfidence: HIGH, onUnmet: WAIT, timeoutMs: 30000'));
  while (server.mongodb.asked.length < asked + 33) await new Promise((resolve) => setImmediate(resolve));
  server.mongodb.applied = appliedAt(98);
  for (const body of await Promise.all(waiting)) expect(body.data.orderWindow.totalAmount.confidenceLevel).toBe('HIGH');
});

test('a token of another history or of the future is refused before any store is asked', async () => {
  for (const [text, code] of [
    [token(90, 'inc-2'), 'TOKEN_FOREIGN'],
    [token(101), 'TOKEN_FUTURE'],
  ] as const) {
    expect((await ask(`atLeast: "${text}"`)).errors).toMatchObject([
      { path: ['orderWindow'], extensions: { code, retryable: false } },
    ]);
  }
  expect([server.mongodb.asked, server.postgres.asked]).toEqual([[], []]);
  expect(await served(`atLeast: "${token(100)}"`)).toEqual(['MONGODB', 'HIGH', 0]);
});

test('the stricter part of operation, field and header holds, under aliases, fragments and variables alike, by GET and POST', async () => {
  server.proofs.pipelines = [fact(), fact({}, 'FLINK')];
  const all = `query Q($at: String) @consistency(minConfidence: EVENTUALLY_CONSISTENT, explainPlan: true) {
    ...F
    b: ${ONE} @consistency(onUnmet: NULL, timeoutMs: 7, maxStalenessMs: 9000) ${FIELDS}
  }
  fragment F on Query { a: ${ONE} @consistency(minConfidence: HIGH, atLeast: $at, maxStalenessMs: 8000) ${FIELDS} }`;
  const variables = { at: token(3) };
  const headers = { 'tidemark-consistency': 'max-staleness-ms=8500, on-unmet=ERROR, timeout-ms=9' };
  const posted = (await server.query(all, variables, headers)).body;
  const required = posted.extensions.consistency.plan.map(({ path, required: said }: never) => [path, said]);
  expect(Object.fromEntries(required)).toEqual({
    a: { minConfidence: 'HIGH', scope: null, maxStalenessMs: 8000, atLeast: token(3), onUnmet: 'ERROR', timeoutMs: 9 },
    b: {
      minConfidence: 'EVENTUALLY_CONSISTENT',
      scope: null,
      maxStalenessMs: 8500,
      atLeast: null,
      onUnmet: 'ERROR',
      timeoutMs: 7,
    },
  });
  const search = new URLSearchParams({ query: all, variables: JSON.stringify(variables) });
  const got = (await server.get(`/graphql?${search}`, { ...headers, 'apollo-require-preflight': 'x' })).body;
  const still = ({ data, extensions: { consistency } }: never) => ({
    data,
    weakest: (consistency as { weakest: string }).weakest,
  });
  expect(still(got as never)).toEqual(still(posted as never));
});

test('a requirement on a listing holds for the set and for each row that is shown', async () => {
  server.mongodb.hold(windowRow({ cap: 'LOW', reasons: ['RESTART_DUPLICATION'] }, { symbol: '000660' }));
  const list = (args: string) =>
    server.query(
      `{ orderWindows${args} @consistency(minConfidence: EVENTUALLY_CONSISTENT, onUnmet: ERROR) { edges { node { kind } } } }`,
    );
  expect((await list('')).body.errors).toMatchObject([{ extensions: { code: 'CONSISTENCY_UNMET' } }]);
  // The row that only says that there are more is not shown.
  const { data } = (await list('(symbol: "005930")')).body;
  expect(data.orderWindows.edges).toHaveLength(1);
});

test('what is too old by the time it is sent was not fresh enough, though it was when it was read', async () => {
  const slow = 'b: orderWindow(symbol: "X", at: "2026-01-05T09:02:30.000Z") @consistency(scope: STRONG) { kind }';
  const query = (onUnmet: string) =>
    server.query(`{ ${ONE} @consistency(maxStalenessMs: 2000, onUnmet: ${onUnmet}) ${FIELDS} ${slow} }`);
  const aged = async (onUnmet: string) => {
    server.proofs.seconds = 101;
    let open = (): void => undefined;
    server.postgres.gate = new Promise((resolve) => (open = resolve));
    const asked = server.postgres.asked.length;
    const answer = query(onUnmet);
    while (server.postgres.asked.length === asked) await new Promise((resolve) => setImmediate(resolve));
    server.proofs.seconds = 103;
    open();
    return (await answer).body;
  };
  const kept = await aged('FALLBACK');
  expect(kept.data.orderWindow.totalAmount.servedBy).toBe('MONGODB');
  expect(kept.extensions.consistency.unmet).toMatchObject([{ path: 'orderWindow' }]);
  const error = await aged('ERROR');
  expect([error.data.orderWindow, error.errors[0].path, error.errors[0].extensions.code]).toEqual([
    null,
    ['orderWindow'],
    'CONSISTENCY_UNMET',
  ]);
  expect(error.extensions.consistency.contracts.flatMap(({ paths }: { paths: string[] }) => paths)).toEqual(['b']);
});

test('Postgres stays within its bound while another store is down: the rest is told that it is busy', async () => {
  server.mongodb.failure = new Error('down');
  let open = (): void => undefined;
  server.postgres.gate = new Promise((resolve) => (open = resolve));
  const queries = Array.from({ length: 20 }, () =>
    server.query(`{ ${ONE.replace(')', ', engine: KAFKA_ONLY)')} ${FIELDS} }`),
  );
  const busy: unknown[] = [];
  for (const query of queries) void query.then(({ body }) => busy.push(body.errors?.[0].extensions.code));
  // Two at once; two of four places in the queue are for reads in place of another store.
  while (busy.length < 16) await new Promise((resolve) => setImmediate(resolve));
  expect(server.postgres.asked).toEqual([1, 1]);
  expect(new Set(busy)).toEqual(new Set(['STORE_UNAVAILABLE']));
  open();
  const done = await Promise.all(queries);
  expect(done.filter(({ body }) => body.data.orderWindow?.totalAmount.servedBy === 'POSTGRES')).toHaveLength(4);
});

test('a store that fails on and on is left alone but for one probe at a time, and comes back by itself', async () => {
  await server.close();
  server = await startServer({});
  server.postgres.hold(windowRow(HIGH));
  server.mongodb.hold(windowRow(HIGH));
  server.mongodb.failure = new Error('down');
  for (let i = 0; i < 8; i++) {
    expect(await served('minConfidence: LOW')).toEqual(['POSTGRES', 'HIGH', 0]);
    server.monotonic += 1_000;
  }
  const asked = server.mongodb.asked.length;
  let open = (): void => undefined;
  server.mongodb.gate = new Promise((resolve) => (open = resolve));
  const probe = served('minConfidence: LOW');
  while (server.mongodb.asked.length === asked) await new Promise((resolve) => setImmediate(resolve));
  expect(await served('minConfidence: LOW')).toEqual(['POSTGRES', 'HIGH', 0]);
  expect(server.mongodb.asked.length).toBe(asked + 1);
  server.mongodb.failure = null;
  open();
  expect(await probe).toEqual(['MONGODB', 'HIGH', 0]);
  server.monotonic += 1_000;
  expect(await served('minConfidence: LOW')).toEqual(['MONGODB', 'HIGH', 0]);
});

test('a mutation’s answer carries a token that reflects it', async () => {
  server.proofs.at = 107;
  const { body } = await server.query('mutation { __typename }');
  expect(server.proofs.proved).toBe(1);
  expect(decodeToken(body.extensions.consistency.token)).toEqual({ incarnation: 'inc-1', position: 107n });
  expect(body.extensions.consistency).toMatchObject({ contracts: [], weakest: null, truncated: false });
});
