/* eslint-disable @typescript-eslint/no-unsafe-call -- a body's shape depends on its query; it is compared whole */
/** Contract on every field, through every way of asking. */
import { execute, parse } from 'graphql';
import { buildApi } from '../resolvers/index.js';
import { SAVED_QUERIES } from './saved-queries.js';
import { serializeInt } from './executor.js';
import { STORES } from '../words.js';
import { LateStaleness } from '../contract/staleness.js';
import { appliedAt, windowRow } from './testing/fake-store.js';
import { startServer, type Harness } from './testing/harness.js';

const MEMBERS =
  'confidenceLevel consistencyScope processingEngine lastCheckpointTime lastCdcSyncTime asOf sourceAsOf stalenessMs stale reasons { code } servedBy position provenAt';
const FIELDS = [
  'symbol',
  'windowStart',
  'windowEnd',
  'ordersTotal',
  'ordersBuy',
  'ordersSell',
  'totalAmount',
  'averagePrice',
  'minPrice',
  'maxPrice',
];
const AT = '2026-01-05T09:02:30.000Z';
const ONE = `orderWindow(symbol: "005930", at: "${AT}")`;
const KAFKA_ONLY = {
  confidenceLevel: 'EVENTUALLY_CONSISTENT',
  consistencyScope: 'EVENTUAL',
  processingEngine: 'KAFKA_ONLY',
  lastCheckpointTime: null,
  lastCdcSyncTime: '2026-01-01T00:01:40.000Z',
  asOf: '2026-01-01T00:01:40.000Z',
  sourceAsOf: '2026-01-01T00:01:38.000Z',
  stalenessMs: 1000,
  stale: false,
  reasons: [{ code: 'NO_CHECKPOINT' }],
  servedBy: 'MONGODB',
  position: '90',
  provenAt: '100',
};

let server: Harness;
beforeEach(async () => {
  server = await startServer();
  server.mongodb.hold(windowRow());
  server.postgres.hold(windowRow());
});
afterEach(() => server.close());

test('every field of a result carries its value and the whole contract of its row', async () => {
  const { status, body } = await server.query(
    `{ ${ONE} { ${FIELDS.map((name) => `${name} { value ${MEMBERS} }`).join(' ')} } }`,
  );
  const values = [
    '005930',
    '2026-01-05T09:00:00.000Z',
    '2026-01-05T09:05:00.000Z',
    3,
    2,
    1,
    '84850000',
    '73000',
    '72000',
    '74000',
  ];
  expect(status).toBe(200);
  expect(body.data.orderWindow).toEqual(
    Object.fromEntries(FIELDS.map((name, i) => [name, { value: values[i], ...KAFKA_ONLY }])),
  );
});

test('a value that the engine left out is null, with a contract all the same', async () => {
  server.mongodb.hold(windowRow({}, { min_price: null, max_price: undefined }));
  const { body } = await server.query(`{ ${ONE} { minPrice { value servedBy } maxPrice { value servedBy } } }`);
  expect(body).toMatchObject({
    data: {
      orderWindow: { minPrice: { value: null, servedBy: 'MONGODB' }, maxPrice: { value: null, servedBy: 'MONGODB' } },
    },
  });
  expect(body.errors).toBeUndefined();
});

test('POST, GET, an alias, a named and an inline fragment get the same contract', async () => {
  const fields = `totalAmount { value ${MEMBERS} }`;
  const get = (query: string) =>
    server.get(`/graphql?query=${encodeURIComponent(query)}`, { 'apollo-require-preflight': 'yes' });
  const answers = await Promise.all([
    server.query(`{ orderWindow: ${ONE} { ${fields} } }`),
    get(`{ ${ONE} { ${fields} } }`),
    server.query(`{ ${ONE} { ...F } } fragment F on OrderWindow { ${fields} }`),
    server.query(`{ ... on Query { ${ONE} { ... on Result { ... on OrderWindow { ${fields} } } } } }`),
    server.query(
      `query Q($s: String!, $at: DateTime!) { orderWindow(symbol: $s, at: $at) { totalAmount { value ...C } } } fragment C on ContractField { ${MEMBERS} }`,
      { s: '005930', at: '2026-01-05T18:02:30+09:00' },
    ),
  ]);
  for (const { body } of answers) {
    expect(body.data).toEqual({ orderWindow: { totalAmount: { value: '84850000', ...KAFKA_ONLY } } });
    expect(body.extensions).toEqual(answers[0]?.body.extensions);
  }
  const { body } = await server.query(`{ w: ${ONE} { t: totalAmount { v: value ${MEMBERS} } } }`);
  expect(body.data).toEqual({ w: { t: { v: '84850000', ...KAFKA_ONLY } } });
});

test('the extension names rows, sets and nulls by the response’s own keys', async () => {
  server.mongodb.hold(windowRow({}, { symbol: '000660' }));
  const { body } = await server.query(
    `query Q($no: Boolean = false) {
      list: orderWindows { e: edges { n: node { ...K } } edges { cursor again: node { kind } node @include(if: $no) { kind } } }
      none: orderWindow(symbol: "NOPE", at: "${AT}") { kind }
      compareStores(kind: "order_window", businessKey: "NOPE") { v: value { value } }
      unasked: orderWindows(first: 1) { contract { stale } }
      ${ONE} @skip(if: true) { kind }
    } fragment K on OrderWindow { kind }`,
  );
  const paths = (body.extensions.consistency.contracts as { paths: string[] }[])
    .flatMap((contract) => contract.paths)
    .sort();
  expect(paths).toEqual([
    'compareStores.0.v',
    'compareStores.1.v',
    'list',
    'list.e.0.n',
    'list.e.1.n',
    'list.edges.0.again',
    'list.edges.1.again',
    'none',
    'unasked',
  ]);
  const again = await server.query(
    `query Q($no: Boolean!) { orderWindows { edges { cursor node @include(if: $no) { kind } } } }`,
    { no: true },
  );
  expect(again.body.extensions.consistency.contracts[0].paths).toEqual([
    'orderWindows',
    'orderWindows.edges.0.node',
    'orderWindows.edges.1.node',
  ]);
});

test('a deleted result is a null whose contract is in the extension', async () => {
  server.mongodb.hold(windowRow({ deleted: true, cap: 'LOW', reasons: ['RESTART_DUPLICATION'] }));
  const { body } = await server.query(`{ ${ONE} { kind } }`);
  expect(body.data).toEqual({ orderWindow: null });
  expect(body.extensions.consistency).toMatchObject({
    weakest: 'LOW',
    contracts: [{ reasons: ['RESTART_DUPLICATION'], paths: ['orderWindow'] }],
  });
});

test('a bound is that of the sending: a slow sibling does not make it too small', async () => {
  let open = (): void => undefined;
  server.postgres.gate = new Promise((resolve) => (open = resolve));
  const answer = server.query(
    `query { fast: ${ONE} { totalAmount { stalenessMs } } slow: ${ONE} @consistency(scope: STRONG) { totalAmount { stalenessMs } } }`,
  );
  while (server.postgres.asked.length === 0 || server.mongodb.asked.length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  server.proofs.seconds = 101.25;
  open();
  const { body } = await answer;
  expect(body.data).toEqual({
    fast: { totalAmount: { stalenessMs: 1250 } },
    slow: { totalAmount: { stalenessMs: 1250 } },
  });
  expect(
    body.extensions.consistency.contracts.map((contract: { stalenessMs: number }) => contract.stalenessMs),
  ).toEqual([1250, 1250]);
});

test('an unknown age is null and never HIGH', async () => {
  server.proofs.seconds = null;
  server.mongodb.hold(windowRow({ cap: 'HIGH', reasons: [] }));
  const { body } = await server.query(`{ ${ONE} { totalAmount { stalenessMs confidenceLevel } } }`);
  expect(body.data.orderWindow.totalAmount).toEqual({ stalenessMs: null, confidenceLevel: 'EVENTUALLY_CONSISTENT' });
});

test('every saved query of GraphiQL runs without an error, and interpreted the first time as compiled the second', async () => {
  const whole = await startServer({ stores: STORES });
  try {
    const row = windowRow();
    for (const store of [whole.postgres, whole.mongodb, whole.clickhouse]) store.hold(row, { ...row, engine: 'FLINK' });
    for (const { query } of SAVED_QUERIES) {
      const { status, body, text } = await whole.query(query);
      expect([query, status, body.errors]).toEqual([query, 200, undefined]);
      expect([query, (await whole.query(query)).text]).toEqual([query, text]);
    }
  } finally {
    await whole.close();
  }
}, 60_000);

test('the compiled executor answers as graphql-js does', async () => {
  const { schema } = buildApi();
  const queries = [
    '{ __schema { types { name kind fields { name type { name kind ofType { name } } } } directives { name locations args { name defaultValue } } } }',
    'query Q($a: Boolean!) { x: __typename @skip(if: $a) y: __typename @include(if: $a) ...F ...F @skip(if: $a) } fragment F on Query { z: __typename @include(if: $a) }',
  ];
  for (const source of queries) {
    for (const a of [true, false]) {
      // It is compiled when it comes again.
      await server.query(source, { a });
      const { body } = await server.query(source, { a });
      expect(body.data).toEqual(
        JSON.parse(JSON.stringify((await execute({ schema, document: parse(source), variableValues: { a } })).data)),
      );
    }
  }
});

test('a variable left out has its default, also a non-null one; an explicit null is refused there', async () => {
  const query = `query Q($symbol: String! = "005930", $at: DateTime! = "${AT}", $engine: ProcessingEngine = KAFKA_ONLY) { orderWindow(symbol: $symbol, at: $at, engine: $engine) { businessKey } }`;
  expect((await server.query(query)).body.data).toEqual({
    orderWindow: { businessKey: '005930@2026-01-05T09:00:00.000Z' },
  });
  expect((await server.query(query, { symbol: 'NOPE' })).body.data).toEqual({ orderWindow: null });
  const { status, body } = await server.query(query, { symbol: null });
  expect([status, body.errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
});

test('errors are the same, interpreted as compiled', async () => {
  server.mongodb.failure = new Error('down');
  server.postgres.failure = new Error('down');
  const asked: readonly (readonly [string, Record<string, unknown>])[] = [
    [`{ ${ONE} { symbol { value } } serverInfo { version } }`, {}],
    ['{ orders(first: -1) { edges { cursor } } }', {}],
    ['query Q($n: Int!) { orders(first: $n) { edges { cursor } } }', { n: 'x' }],
    ['query Q($n: Int!) { orders(first: $n) { edges { cursor } } }', {}],
    ['mutation { replayDeadLetter(ids: []) { id } }', {}],
    ['query A { serverInfo { version } } query B { __typename }', {}],
  ];
  for (const [query, variables] of asked) {
    const first = await server.query(`${query} # ${JSON.stringify(variables)}`, variables);
    const second = await server.query(`${query} # ${JSON.stringify(variables)}`, variables);
    expect(first.body.errors.length).toBeGreaterThan(0);
    // Codes, places and data; the one sentence is worded otherwise.
    const plain = ({ text }: typeof first): string => text.replace('Expected type Int; ', '');
    expect([query, second.status, plain(second)]).toEqual([query, first.status, plain(first)]);
  }
}, 60_000);

test('an Int is an Int, or one that is known later', () => {
  const late = new LateStaleness({ now: () => null, monotonicMs: () => 0 }, null, null);
  expect(serializeInt(late)).toBe(late);
  expect(serializeInt(7)).toBe(7);
  expect(() => serializeInt('x')).toThrow('Int cannot represent');
});

test('serverInfo, stores, pipelines and the decision table say what is known', async () => {
  server.health = [
    { store: 'POSTGRES', healthy: true, appliedPosition: null, appliedCommittedAt: null, detail: null },
    {
      store: 'MONGODB',
      healthy: true,
      appliedPosition: appliedAt(97).position,
      appliedCommittedAt: appliedAt(97).committedAt,
      detail: 'slow',
    },
  ];
  const { body } = await server.query(`{
    serverInfo { version incarnation position time stores engines }
    stores { store healthy appliedPosition behindBy stalenessMs measuredAt detail }
    pipelines { name engine run state lastHeartbeatTime sourceAsOf }
    decisionTable { scenario }
  }`);
  const measuredAt = '2026-01-01T00:01:41.000Z';
  expect(body).toEqual({
    data: {
      serverInfo: {
        version: '0.0.0-test',
        incarnation: 'inc-1',
        position: '100',
        time: measuredAt,
        stores: ['POSTGRES', 'MONGODB'],
        engines: ['KAFKA_ONLY'],
      },
      stores: [
        {
          store: 'POSTGRES',
          healthy: true,
          appliedPosition: '100',
          behindBy: '0',
          stalenessMs: 1000,
          measuredAt,
          detail: null,
        },
        {
          store: 'MONGODB',
          healthy: true,
          appliedPosition: '97',
          behindBy: '3',
          stalenessMs: 4000,
          measuredAt,
          detail: 'slow',
        },
      ],
      pipelines: [
        {
          name: 'orders-kafka-only',
          engine: 'KAFKA_ONLY',
          run: 'run-1',
          state: 'RUNNING',
          lastHeartbeatTime: '2026-01-01T00:01:40.000Z',
          sourceAsOf: '2026-01-01T00:01:38.000Z',
        },
      ],
      decisionTable: [],
    },
  });
});
