/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-argument -- a body's shape depends on its query; it is compared whole */
/** Why results are trusted as far as they are: refusals, recomputations, two engines side by side. */
import { AppError } from '../errors.js';
import { position } from '../position/position.js';
import { refusal, request } from './testing/fake-audit.js';
import { fact } from './testing/fake-proofs.js';
import { orderRow, windowRow } from './testing/fake-store.js';
import { startServer, type Harness } from './testing/harness.js';

let server: Harness;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

const ask = async (query: string) => (await server.query(query)).body;
const codesOf = (body: { errors?: { extensions: { code: string } }[] }) =>
  (body.errors ?? []).map((error) => error.extensions.code);
const idsOf = (connection: { edges: { node: { id: string } }[] }) => connection.edges.map(({ node }) => node.id);

test('a refusal shows both values, what each rests on, and in which fields they differ', async () => {
  server.audit.refused = [
    refusal(1),
    refusal(2, { stored: null, reason: 'COVERAGE_LESS' }),
    refusal(3, { refused: { ...refusal(3).refused, value: null }, reason: 'VIOLATION_VALUE_CONFLICT' }),
  ];
  const side = '{ value deleted final run revision epoch coverage digest events }';
  const body = await ask(`{ refusals { edges { node {
    id kind businessKey engine reason { code message } stored ${side} refused ${side} differs topic partition offset notedAt position
  } } } }`);
  expect(body.errors).toBeUndefined();
  const [third, second, first] = body.data.refusals.edges.map((edge: { node: object }) => edge.node);
  const emitted = { deleted: false, final: false, revision: 4, epoch: '12', coverage: { '0': [0, 9] } };
  expect(first).toEqual({
    id: '1',
    kind: 'order_window',
    businessKey: '005930@2026-01-05T09:00:00.000Z',
    engine: 'FLINK',
    reason: { code: 'ROLLBACK_REFUSED', message: expect.stringContaining('was refused') },
    stored: {
      ...emitted,
      value: { symbol: '005930', orders_total: 3, total_amount: '1' },
      run: 'job/1',
      digest: '1',
      events: '3',
    },
    refused: {
      ...emitted,
      value: { symbol: '005930', orders_total: 4, total_amount: '1' },
      run: 'job/2',
      digest: '2',
      events: '4',
    },
    differs: ['orders_total'],
    topic: 'results.flink',
    partition: 1,
    offset: '77',
    notedAt: '2026-01-05T09:10:00.000Z',
    position: '1',
  });
  expect([second.stored, second.differs, second.reason.message]).toEqual([
    null,
    null,
    expect.stringContaining('folds less'),
  ]);
  expect([third.refused.value, third.differs]).toEqual([null, null]);
});

test('refusals and requests are paged newest first, narrowed, and keep their places while others come', async () => {
  for (const field of ['refusals', 'reprocessing']) {
    server.audit.refused = [1, 2, 3, 4].map((id) => refusal(id, { engine: id === 2 ? 'KAFKA_ONLY' : 'FLINK' }));
    server.audit.requested = [1, 2, 3, 4].map((id) => request(id, { state: id === 2 ? 'FAILED' : 'OPEN' }));
    const page = async (args: string) =>
      (
        await ask(
          `{ ${field}(${args}) { edges { node { id } cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } }`,
        )
      ).data[field];
    const first = await page('first: 2');
    expect([idsOf(first), first.pageInfo]).toEqual([
      ['4', '3'],
      { hasNextPage: true, hasPreviousPage: false, endCursor: first.edges[1].cursor },
    ]);
    server.audit.refused.push(refusal(5));
    server.audit.requested.push(request(5));
    const second = await page(`first: 2, after: "${first.pageInfo.endCursor}"`);
    expect([idsOf(second), second.pageInfo.hasNextPage, second.pageInfo.hasPreviousPage]).toEqual([
      ['2', '1'],
      false,
      true,
    ]);
    expect(idsOf(await page('businessKey: "nobody"'))).toEqual([]);
    expect(codesOf(await ask(`{ ${field}(after: "x") { edges { cursor } } }`))).toEqual(['BAD_CURSOR']);
    expect(codesOf(await ask(`{ ${field}(first: 501) { edges { cursor } } }`))).toEqual(['BAD_PAGE_SIZE']);
    // A page costs its size times what it selects: before anything is read.
    const costly = `{ ${[...Array(29).keys()].map((i) => `a${i}: ${field}(first: 500) { edges { node { id kind businessKey engine reason { code } } cursor } }`).join(' ')} }`;
    expect(codesOf(await ask(costly))).toEqual(['COST_EXCEEDED']);
    server.audit.failure = new AppError('STORE_UNAVAILABLE', 'down', { retryable: true, outcome: 'none' });
    const down = await ask(`{ ${field} { edges { cursor } } serverInfo { version } }`);
    expect([codesOf(down), down.data]).toEqual([
      ['STORE_UNAVAILABLE'],
      { [field]: null, serverInfo: { version: '0.0.0-test' } },
    ]);
    server.audit.failure = null;
  }
  expect(idsOf((await ask('{ refusals(engine: KAFKA_ONLY) { edges { node { id } } } }')).data.refusals)).toEqual(['2']);
  expect(idsOf((await ask('{ reprocessing(state: "FAILED") { edges { node { id } } } }')).data.reprocessing)).toEqual([
    '2',
  ]);
  expect(codesOf(await ask('{ reprocessing(state: "open") { edges { cursor } } }'))).toEqual(['BAD_STATE']);
}, 60_000);

const REQUEST = `mutation { requestReprocessing(kind: "order_window", businessKey: "A@t", engine: FLINK) {
  id state reason { code } requestedBy requestedAt requestedPosition attempts dueAt upTo mustRead { partition offset } finishedAt finishedPosition failure { code message }
} }`;

test('a request is answered with the request that is open, twice with the same one; what happened to it can be read', async () => {
  const open = {
    id: '1',
    state: 'OPEN',
    reason: { code: 'REQUESTED' },
    requestedBy: 'person',
    requestedAt: '2026-01-05T09:10:00.000Z',
    requestedPosition: '7',
    attempts: 0,
    dueAt: '2026-01-05T09:10:00.000Z',
    upTo: null,
    mustRead: null,
    finishedAt: null,
    finishedPosition: null,
    failure: null,
  };
  expect((await ask(REQUEST)).data.requestReprocessing).toEqual(open);
  expect((await ask(REQUEST)).data.requestReprocessing).toEqual(open);
  server.audit.requested = [
    request(1, {
      state: 'FAILED',
      attempts: 2,
      dueAt: null,
      upTo: { '0': 12 },
      mustRead: { partition: 0, offset: 11n },
      finishedAt: '2026-01-05T09:11:00.000Z',
      finishedPosition: position(9),
      failure: { code: 'SOURCE_EXPIRED', message: 'gone' },
    }),
  ];
  const listed = await ask(
    '{ reprocessing { edges { node { state attempts dueAt upTo mustRead { partition offset } finishedAt finishedPosition failure { code message } } } } }',
  );
  expect(listed.data.reprocessing.edges[0].node).toEqual({
    state: 'FAILED',
    attempts: 2,
    dueAt: null,
    upTo: { '0': 12 },
    mustRead: { partition: 0, offset: '11' },
    finishedAt: '2026-01-05T09:11:00.000Z',
    finishedPosition: '9',
    failure: { code: 'SOURCE_EXPIRED', message: 'gone' },
  });
});

test('nothing is asked for by a GET or by a foreign page, and a no comes with its code', async () => {
  const tries = [
    await server.get(`/graphql?query=${encodeURIComponent(REQUEST)}`, { 'content-type': 'application/json' }),
    await server.post('/graphql', JSON.stringify({ query: REQUEST }), { 'content-type': 'text/plain' }),
  ];
  expect(tries.map(({ status }) => status >= 400 && status < 500)).toEqual([true, true]);
  expect(server.audit.requested).toEqual([]);
  server.audit.refusal = new AppError('REPROCESSING_FULL', 'full', { retryable: true, outcome: 'none' });
  const { errors } = await ask(REQUEST);
  expect(errors[0].extensions).toEqual({ code: 'REPROCESSING_FULL', retryable: true });
});

const COMPARE = (kind: string, key: string): string => `{ compareEngines(kind: "${kind}", businessKey: "${key}") {
  kind businessKey verdict suspect differences { field kafkaOnly flink } why { engine code message }
  answers { engine present value { value confidenceLevel servedBy reasons { code } }
    evidence { pipeline run revision final verified coverage epoch cause digest events duplicatesDropped maxEventTime } }
} }`;

test('two engines of one key: values, evidence, contracts, who differs and why; each contract is in the extensions', async () => {
  server.proofs.pipelines = [fact(), fact({}, 'FLINK')];
  const coverage = { '0': [0, 2] as const };
  const kafkaOnly = windowRow({ coverage, cap: 'LOW', reasons: ['RESTART_DUPLICATION'] }, { orders_total: 4 });
  const flink = windowRow({ engine: 'FLINK', pipeline: 'orders-flink', coverage, cap: 'HIGH', reasons: [] });
  server.postgres.hold(kafkaOnly, flink);
  const rested = (row: typeof flink, digest: string) => ({
    kind: row.kind,
    businessKey: row.businessKey,
    engine: row.engine,
    position: row.position,
    cause: 'IN_ORDER',
    digest,
    events: 3,
    duplicatesDropped: 1,
    maxEventTime: '2026-01-05T09:00:03.000Z',
  });
  // Of KAFKA_ONLY the row has changed between the two reads: what was read is of another one.
  server.audit.rested = [{ ...rested(kafkaOnly, '8'), position: position(1) }, rested(flink, '7')];
  const body = await ask(COMPARE('order_window', flink.businessKey));
  expect(body.errors).toBeUndefined();
  const { answers, ...compared } = body.data.compareEngines;
  expect(compared).toMatchObject({
    kind: 'order_window',
    verdict: 'DIFFERENT',
    suspect: 'KAFKA_ONLY',
    differences: [{ field: 'orders_total', kafkaOnly: 4, flink: 3 }],
    why: [
      { engine: null, code: 'EVENTS_UNKNOWN' },
      { engine: 'KAFKA_ONLY', code: 'RESTART_DUPLICATION' },
    ],
  });
  expect(answers).toMatchObject([
    {
      engine: 'KAFKA_ONLY',
      present: true,
      value: { confidenceLevel: 'LOW', servedBy: 'POSTGRES', reasons: [{ code: 'RESTART_DUPLICATION' }] },
      evidence: { coverage, cause: null, digest: null, events: null },
    },
    {
      engine: 'FLINK',
      present: true,
      value: { confidenceLevel: 'HIGH', servedBy: 'POSTGRES', reasons: [] },
      evidence: { pipeline: 'orders-flink', cause: 'IN_ORDER', digest: '7', events: '3', duplicatesDropped: '1' },
    },
  ]);
  const paths = body.extensions.consistency.contracts.flatMap((each: { paths: string[] }) => each.paths).sort();
  expect([paths, body.extensions.consistency.weakest]).toEqual([
    ['compareEngines.answers.0.value', 'compareEngines.answers.1.value'],
    'LOW',
  ]);
  server.audit.rested = [rested(kafkaOnly, '7'), rested(flink, '7')];
  const again = await ask(COMPARE('order_window', flink.businessKey));
  expect(again.data.compareEngines.why[0]).toMatchObject({ engine: null, code: 'OTHER_FOLD' });
});

test('a key that one engine has not, or has deleted, is missing there, with the contract of a null', async () => {
  server.proofs.pipelines = [fact()];
  const window = windowRow({ coverage: { '0': [0, 2] } });
  server.postgres.hold(window, windowRow({ engine: 'FLINK', deleted: true }));
  const { compareEngines } = (await ask(COMPARE('order_window', window.businessKey))).data;
  expect(compareEngines).toMatchObject({
    verdict: 'ONE_MISSING',
    suspect: null,
    why: [{ engine: 'FLINK', code: 'ENGINE_UNKNOWN' }],
    answers: [{ present: true }, { engine: 'FLINK', present: false, value: { value: null }, evidence: null }],
  });
  const order = orderRow({ deleted: true, coverage: { '0': [5, 5] } });
  server.postgres.hold(order, { ...order, engine: 'FLINK', deleted: false });
  // An order is shown deleted, too, so that it is there.
  expect((await ask(COMPARE('order', order.businessKey))).data.compareEngines).toMatchObject({
    verdict: 'DIFFERENT',
    differences: [{ field: 'deleted', kafkaOnly: true, flink: null }],
  });
  server.postgres.failure = new Error('down');
  const down = await ask(COMPARE('order', order.businessKey));
  expect([down.data, codesOf(down)]).toEqual([{ compareEngines: null }, ['STORE_UNAVAILABLE']]);
});
