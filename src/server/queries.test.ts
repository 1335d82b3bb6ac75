/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- a body's shape depends on its query; it is compared whole */
/** Each query of the surface, over fakes: values, contracts, nulls, refusals. */
import { performance } from 'node:perf_hooks';
import { position } from '../position/position.js';
import { STORES } from '../words.js';
import { DEFAULT_LIMITS } from './options.js';
import { anomalyRow, appliedAt, orderRow, windowRow } from './testing/fake-store.js';
import { fact } from './testing/fake-proofs.js';
import { startServer, type Harness } from './testing/harness.js';

let server: Harness;
beforeEach(async () => {
  server = await startServer({
    stores: STORES,
    limits: { readMs: 200, proofMs: 200, requestMs: 1_000 },
    monotonicMs: () => performance.now(),
  });
});
afterEach(() => server.close());

const everywhere = (...rows: ReturnType<typeof orderRow>[]): void => {
  for (const store of [server.postgres, server.mongodb, server.elasticsearch, server.clickhouse]) store.hold(...rows);
};
const ask = async (query: string) => (await server.query(query)).body;
const codesOf = (body: { errors?: { extensions: { code: string } }[] }) =>
  (body.errors ?? []).map((error) => error.extensions.code);
const paths = (body: { extensions: { consistency: { contracts: { paths: string[] }[] } } }): string[] =>
  body.extensions.consistency.contracts.flatMap((contract) => contract.paths).sort();

test('an order is found by its id, a deleted one with the time of its deletion; an absence is null with its contract', async () => {
  const deletedAt = '2026-01-05T09:03:00.000Z';
  everywhere(
    orderRow(),
    orderRow({ deleted: true }, { order_id: 'gone', deleted_at: deletedAt }),
    orderRow({
      deleted: true,
      calculatedValue: {},
      businessKey: 'absent',
      cap: 'LOW',
      reasons: ['VIOLATION_LATE_DROPPED'],
    }),
  );
  const body = await ask(`{
    order(orderId: "order-1") { businessKey price { value servedBy } deletedAt { value servedBy } }
    gone: order(orderId: "gone") { orderId { value } deletedAt { value } }
    absent: order(orderId: "absent") { kind }
    none: order(orderId: "none") { kind }
    result(kind: "order", businessKey: "gone") { kind value { value servedBy } deleted { value confidenceLevel } }
    nothing: result(kind: "order", businessKey: "absent") { kind }
  }`);
  expect(body.data).toEqual({
    order: {
      businessKey: 'order-1',
      price: { value: '72000', servedBy: 'MONGODB' },
      deletedAt: { value: null, servedBy: 'MONGODB' },
    },
    gone: { orderId: { value: 'gone' }, deletedAt: { value: deletedAt } },
    absent: null,
    none: null,
    result: {
      kind: 'order',
      value: {
        value: orderRow({}, { order_id: 'gone', deleted_at: deletedAt }).calculatedValue,
        servedBy: 'MONGODB',
      },
      deleted: { value: true, confidenceLevel: 'EVENTUALLY_CONSISTENT' },
    },
    nothing: null,
  });
  expect(paths(body)).toEqual(['absent', 'gone', 'none', 'nothing', 'order', 'result']);
  expect(body.extensions.consistency.weakest).toBe('LOW');
});

test('orders and anomalies are listed by their times, filtered, without deleted ones', async () => {
  const times = ['09:02', '09:00', '09:01'].map((time) => `2026-01-05T${time}:00.000Z`);
  everywhere(
    ...times.map((time, i) =>
      orderRow({}, { order_id: `o${i}`, event_time: time, status: i === 2 ? 'FILLED' : 'PENDING' }),
    ),
    orderRow({ deleted: true }, { order_id: 'gone' }),
    ...times.map((time, i) => anomalyRow({}, { order_id: `o${i}`, detected_at: time })),
    anomalyRow({}, { rule: 'HIGH_AMOUNT' }),
  );
  const body = await ask(`{
    all: orders { edges { node { businessKey } } }
    pending: orders(symbol: "005930", status: "PENDING", last: 1) { edges { node { businessKey } } pageInfo { hasPreviousPage } }
    anomalies(rule: "LARGE_ORDER", from: "${times[2]}") { edges { node { businessKey observed { value } } } contract { servedBy } }
    anomaly(rule: "HIGH_AMOUNT", orderId: "order-1") { rule { value } }
  }`);
  expect(body.data).toEqual({
    all: { edges: ['o1', 'o2', 'o0'].map((businessKey) => ({ node: { businessKey } })) },
    pending: { edges: [{ node: { businessKey: 'o0' } }], pageInfo: { hasPreviousPage: true } },
    anomalies: {
      edges: ['o2', 'o0'].map((id) => ({ node: { businessKey: `LARGE_ORDER:${id}`, observed: { value: '1000' } } })),
      contract: { servedBy: 'MONGODB' },
    },
    anomaly: { rule: { value: 'HIGH_AMOUNT' } },
  });
});

const HIT =
  '__typename businessKey ... on Order { price { value consistencyScope confidenceLevel } } ... on Anomaly { observed { value } }';

test('a search finds orders and anomalies with highlights; its nodes have their own contracts, the set is never HIGH', async () => {
  server.proofs.pipelines = [fact({}, 'FLINK')];
  const high = { engine: 'FLINK', cap: 'HIGH', reasons: [], pipeline: 'orders-flink', final: true } as const;
  server.elasticsearch.hold(
    orderRow({ ...high, position: position(91) }),
    anomalyRow({ ...high, position: position(92) }),
    windowRow({ ...high }),
  );
  const body = await ask(
    `{ search(text: "005930") { edges { node { ${HIT} } highlights } contract { confidenceLevel consistencyScope servedBy reasons { code } } pageInfo { hasNextPage } } }`,
  );
  expect(body.errors).toBeUndefined();
  expect(body.data.search).toEqual({
    edges: [
      {
        node: { __typename: 'Anomaly', businessKey: 'LARGE_ORDER:order-1', observed: { value: '1000' } },
        highlights: ['<em>005930</em>'],
      },
      {
        node: {
          __typename: 'Order',
          businessKey: 'order-1',
          price: { value: '72000', consistencyScope: 'SEARCH', confidenceLevel: 'HIGH' },
        },
        highlights: ['<em>005930</em>'],
      },
    ],
    contract: {
      confidenceLevel: 'EVENTUALLY_CONSISTENT',
      consistencyScope: 'SEARCH',
      servedBy: 'ELASTICSEARCH',
      reasons: [{ code: 'SEARCH_SET' }],
    },
    pageInfo: { hasNextPage: false },
  });
  expect(paths(body)).toEqual(['search', 'search.edges.0.node', 'search.edges.1.node']);
  const one = await ask(
    '{ search(text: "005930", kind: "order", first: 1) { edges { node { businessKey } cursor } } }',
  );
  expect(one.data.search.edges.map((edge: { node: object }) => edge.node)).toEqual([{ businessKey: 'order-1' }]);
});

test('what can’t be searched is refused with a code; without Elasticsearch there is no search, and the rest stands', async () => {
  expect(codesOf(await ask('{ search(text: " ") { edges { cursor } } }'))).toEqual(['SEARCH_QUERY_INVALID']);
  expect(codesOf(await ask('{ search(text: "x", kind: "order_window") { edges { cursor } } }'))).toEqual([
    'SEARCH_KIND_UNKNOWN',
  ]);
  expect(codesOf(await ask('{ search(text: "x", after: "zz") { edges { cursor } } }'))).toEqual(['BAD_CURSOR']);
  server.elasticsearch.failure = new Error('down');
  const body = await ask('{ search(text: "x") { edges { cursor } } serverInfo { version } }');
  expect([body.data, codesOf(body)]).toEqual([
    { search: null, serverInfo: { version: '0.0.0-test' } },
    ['STORE_UNAVAILABLE'],
  ]);
});

const RANGE = 'symbol: "005930", from: "2026-01-05T09:00:00Z", to: "2026-01-05T10:00:00Z"';
const FIGURES =
  'windows { value } totalAmount { value confidenceLevel servedBy consistencyScope reasons { code } } contract { confidenceLevel }';

test('a statistic is trusted as far as its weakest window, in each figure, from ClickHouse or, STRONG, from Postgres', async () => {
  server.proofs.pipelines = [fact({}, 'FLINK')];
  const high = { engine: 'FLINK', cap: 'HIGH', reasons: [], pipeline: 'orders-flink' } as const;
  everywhere(windowRow(high), windowRow(high, { window_start: '2026-01-05T09:05:00.000Z' }));
  const figures = async (directive = '') =>
    (await ask(`{ symbolStats(${RANGE}) ${directive} { ${FIGURES} } }`)).data.symbolStats;
  const amount = {
    value: '169700000',
    confidenceLevel: 'HIGH',
    servedBy: 'CLICKHOUSE',
    consistencyScope: 'EVENTUAL',
    reasons: [],
  };
  expect(await figures()).toEqual({
    windows: { value: 2 },
    totalAmount: amount,
    contract: { confidenceLevel: 'HIGH' },
  });
  everywhere(windowRow({ ...high, cap: 'LOW', reasons: ['VIOLATION_DEAD_LETTER'] }));
  expect(await figures('@consistency(scope: STRONG)')).toEqual({
    windows: { value: 2 },
    totalAmount: {
      ...amount,
      confidenceLevel: 'LOW',
      servedBy: 'POSTGRES',
      consistencyScope: 'STRONG',
      reasons: [{ code: 'VIOLATION_DEAD_LETTER' }],
    },
    contract: { confidenceLevel: 'LOW' },
  });
});

test('an open window of a run that may have lost its partition lowers the statistic; so does one in flight', async () => {
  server.proofs.pipelines = [fact({ owners: { '0': 'run-2' } })];
  everywhere(windowRow({ final: false, run: 'run-1' }));
  const claim = async () =>
    (await ask(`{ symbolStats(${RANGE}) { windows { confidenceLevel provenAt reasons { code } } } }`)).data.symbolStats
      .windows;
  expect(await claim()).toMatchObject({
    confidenceLevel: 'LOW',
    reasons: [{ code: 'NO_CHECKPOINT' }, { code: 'RESTART_DUPLICATION' }],
  });
  everywhere(windowRow({ final: true, run: 'run-1' }));
  expect(await claim()).toMatchObject({ confidenceLevel: 'EVENTUALLY_CONSISTENT', provenAt: '100' });
  server.clickhouse.applied = appliedAt(95);
  server.proofs.change(windowRow(), 96, 'LOW', ['RESTART_DUPLICATION']);
  expect(await claim()).toMatchObject({ confidenceLevel: 'LOW', provenAt: null });
});

test('a history is whole or refused, never cut short', async () => {
  everywhere(windowRow(), windowRow({}, { window_start: '2026-01-05T09:05:00.000Z' }));
  const body = await ask(`{ windowHistory(${RANGE}) { businessKey totalAmount { value servedBy } } }`);
  expect(body.data.windowHistory).toEqual(
    ['00', '05'].map((minute) => ({
      businessKey: `005930@2026-01-05T09:${minute}:00.000Z`,
      totalAmount: { value: '84850000', servedBy: 'CLICKHOUSE' },
    })),
  );
  expect(paths(body)).toEqual(['windowHistory', 'windowHistory.0', 'windowHistory.1']);
  const long = RANGE.replace('to: "2026-01-05', 'to: "2026-01-13');
  expect(codesOf(await ask(`{ windowHistory(${long}) { kind } }`))).toEqual(['RANGE_TOO_LONG']);
  const nine = (range: string): string =>
    `{ ${[...'abcdefghi'].map((a) => `${a}: windowHistory(${range}) { symbol { value stale } minPrice { value stale } maxPrice { value } }`).join(' ')} }`;
  // By the range that is asked for: six days nine times are too much, a day is not.
  const days = RANGE.replace('to: "2026-01-05', 'to: "2026-01-11');
  expect([codesOf(await ask(nine(days))), codesOf(await ask(nine(RANGE)))]).toEqual([['COST_EXCEEDED'], []]);
});

test('compareStores asks all four, each itself', async () => {
  everywhere(orderRow());
  server.clickhouse.hold(orderRow({}, { quantity: 7 }));
  server.elasticsearch.failure = new Error('down');
  const body = await ask(
    '{ compareStores(kind: "order", businessKey: "order-1") { store available present deleted value { value consistencyScope } } }',
  );
  expect(
    body.data.compareStores.map(
      (answer: { store: string; available: boolean; value: { value: { quantity: number } } | null }) => [
        answer.store,
        answer.available,
        answer.value?.value.quantity ?? null,
      ],
    ),
  ).toEqual([
    ['POSTGRES', true, 100],
    ['MONGODB', true, 100],
    ['ELASTICSEARCH', false, null],
    ['CLICKHOUSE', true, 7],
  ]);
});

test('a scope is taken where a store can keep it, and refused with its place where none can', async () => {
  everywhere(orderRow(), windowRow());
  const served = async (query: string) => (await ask(query)).data.orders.contract;
  const set = '{ contract { servedBy consistencyScope confidenceLevel } }';
  expect(await served(`{ orders @consistency(scope: SEARCH) ${set} }`)).toEqual({
    servedBy: 'ELASTICSEARCH',
    consistencyScope: 'SEARCH',
    confidenceLevel: 'EVENTUALLY_CONSISTENT',
  });
  expect(await served(`query @consistency(scope: SEARCH) { orders @consistency(scope: STRONG) ${set} }`)).toMatchObject(
    {
      servedBy: 'POSTGRES',
      consistencyScope: 'STRONG',
    },
  );
  expect(
    (await ask('{ search(text: "x") @consistency(scope: SEARCH) { contract { consistencyScope } } }')).data.search,
  ).toEqual({
    contract: { consistencyScope: 'SEARCH' },
  });
  for (const query of [
    '{ order(orderId: "order-1") @consistency(scope: SEARCH) { kind } }',
    'query @consistency(scope: SEARCH) { orders { contract { stale } } order(orderId: "order-1") { kind } }',
    '{ search(text: "x") @consistency(scope: STRONG) { contract { stale } } }',
    'query @consistency(scope: STRONG) { search(text: "x") { contract { stale } } }',
    `{ symbolStats(${RANGE}) @consistency(scope: SEARCH) { symbol } }`,
    '{ deadLetters @consistency(scope: STRONG) { edges { cursor } } }',
  ]) {
    expect([query, codesOf(await ask(query))]).toEqual([query, ['CONSISTENCY_UNSUPPORTED']]);
  }
});

const never = (): Promise<void> => new Promise(() => undefined);

test.each([
  ['fails', () => ({ failure: new Error('down') })],
  ['hangs', () => ({ gate: never() })],
])(
  'a store that %s is given up long before the request; others stand in with their own contract',
  async (_how, broken) => {
    everywhere(orderRow(), windowRow());
    const query = `{
    order(orderId: "order-1") { price { servedBy consistencyScope } }
    orders { contract { servedBy consistencyScope } }
    search(text: "005930") { contract { servedBy } }
    symbolStats(${RANGE}) { contract { servedBy consistencyScope } }
    deadLetters { edges { cursor } }
  }`;
    const answers = async () => {
      const started = performance.now();
      const body = await ask(query);
      // A store's own limit is a tenth of the request's: on a machine as busy as can be, one is told from the other.
      expect(performance.now() - started).toBeLessThan(DEFAULT_LIMITS.requestMs - DEFAULT_LIMITS.readMs);
      const { order, orders, search, symbolStats, deadLetters } = body.data;
      const of = (contract: { servedBy: string } | undefined): string | null => contract?.servedBy ?? null;
      return [
        of(order?.price),
        of(orders?.contract),
        of(search?.contract),
        of(symbolStats?.contract),
        deadLetters !== null,
        codesOf(body).length,
      ];
    };
    await ask('{ serverInfo { version } }');
    expect(await answers()).toEqual(['MONGODB', 'MONGODB', 'ELASTICSEARCH', 'CLICKHOUSE', true, 0]);
    Object.assign(server.mongodb, broken());
    expect(await answers()).toEqual(['ELASTICSEARCH', 'CLICKHOUSE', 'ELASTICSEARCH', 'CLICKHOUSE', true, 0]);
    Object.assign(server.clickhouse, broken());
    expect(await answers()).toEqual(['ELASTICSEARCH', 'POSTGRES', 'ELASTICSEARCH', 'POSTGRES', true, 0]);
    Object.assign(server.elasticsearch, broken());
    expect(await answers()).toEqual(['POSTGRES', 'POSTGRES', null, 'POSTGRES', true, 1]);
    Object.assign(server.postgres, broken());
    Object.assign(server.ledgers, broken());
    expect(await answers()).toEqual([null, null, null, null, false, 5]);
  },
);

const PIPELINE = `name engine run state jobState conditions watermark sourceLag lastCheckpointId lastCheckpointTime
  lastCheckpointDurationMs lastCheckpointSizeBytes completedCheckpoints failedCheckpoints restarts`;

test('pipelines show what the monitor tells; before it has told anything, what was seen in band, and nulls', async () => {
  server.proofs.pipelines = [fact({}, 'FLINK')];
  const pipeline = async () => (await ask(`{ pipelines { ${PIPELINE} } }`)).data.pipelines[0];
  const inBand = {
    ...{ name: 'orders-flink', engine: 'FLINK', run: 'run-1', state: 'RUNNING', jobState: null, conditions: [] },
    ...{ watermark: null, sourceLag: null, lastCheckpointId: '40', lastCheckpointTime: '2026-01-01T00:01:39.000Z' },
    ...{ lastCheckpointDurationMs: null, lastCheckpointSizeBytes: null, completedCheckpoints: null },
    ...{ failedCheckpoints: null, restarts: null },
  };
  expect(await pipeline()).toEqual(inBand);
  const told = {
    ...{ jobState: 'RUNNING', sourceLag: 17, watermark: '2026-01-01T00:01:00.000Z', lastCheckpointId: 44 },
    ...{ lastCheckpointDurationMs: 88, lastCheckpointSizeBytes: 9_000_000_000, completedCheckpoints: 280 },
    ...{ failedCheckpoints: 2, restarts: 1, conditions: ['CHECKPOINT_OVERDUE', 'LSO_BLOCKED'] },
  };
  server.figures.set('orders-flink', told);
  expect(await pipeline()).toEqual({
    ...inBand,
    ...told,
    state: 'LSO_BLOCKED',
    // What REST says moves no time: this one is seen in band.
    lastCheckpointTime: inBand.lastCheckpointTime,
    sourceLag: '17',
    lastCheckpointId: '44',
    lastCheckpointSizeBytes: '9000000000',
  });
});
