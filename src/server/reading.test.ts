/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call -- a body's shape depends on its query; it is compared whole */
/** What is claimed when stores lag, fail or lie ahead, and when nobody can prove anything (contract.md §8). */
import { appliedAt, committedAt, windowRow } from './testing/fake-store.js';
import { fact } from './testing/fake-proofs.js';
import { startServer, type Harness } from './testing/harness.js';
import { Divergences } from '../contract/divergences.js';
import { position } from '../position/position.js';

const AT = '2026-01-05T09:02:30.000Z';
const ONE = `orderWindow(symbol: "005930", at: "${AT}")`;
const CLAIM = 'totalAmount { confidenceLevel consistencyScope servedBy stalenessMs stale provenAt reasons { code } }';
const HIGH = { cap: 'HIGH', reasons: [] } as const;

let server: Harness;
beforeEach(async () => {
  server = await startServer({ limits: { proofMs: 100, readMs: 100 } });
  server.mongodb.hold(windowRow(HIGH));
  server.postgres.hold(windowRow(HIGH));
});
afterEach(() => server.close());

const claim = async (directive = '') => {
  const { body } = await server.query(`{ ${ONE} ${directive} { ${CLAIM} } }`);
  const { reasons, ...rest } = body.data.orderWindow.totalAmount;
  return { ...rest, reasons: reasons.map(({ code }: { code: string }) => code) };
};
const STRONG = '@consistency(scope: STRONG)';
const never = (): Promise<void> => new Promise(() => undefined);

test('a proven row is served with its cap, from either store', async () => {
  const proven = { confidenceLevel: 'HIGH', stalenessMs: 1000, stale: false, provenAt: '100', reasons: [] };
  expect(await claim()).toEqual({ ...proven, consistencyScope: 'EVENTUAL', servedBy: 'MONGODB' });
  expect(await claim(STRONG)).toEqual({ ...proven, consistencyScope: 'STRONG', servedBy: 'POSTGRES' });
});

test('a change that the store has not applied lowers exactly its own key, and ages it', async () => {
  server.mongodb.applied = appliedAt(95);
  server.proofs.change(windowRow(), 96, 'LOW', ['RESTART_DUPLICATION']);
  server.mongodb.hold(windowRow(HIGH, { symbol: '000660' }));
  expect(await claim()).toEqual({
    confidenceLevel: 'LOW',
    consistencyScope: 'EVENTUAL',
    servedBy: 'MONGODB',
    stalenessMs: 6000,
    stale: true,
    provenAt: null,
    reasons: ['STORE_BEHIND', 'RESTART_DUPLICATION'],
  });
  const other = await server.query(`{ orderWindow(symbol: "000660", at: "${AT}") { ${CLAIM} } }`);
  expect(other.body.data.orderWindow.totalAmount).toMatchObject({ confidenceLevel: 'HIGH', provenAt: '100' });
  expect(await claim(STRONG)).toMatchObject({ confidenceLevel: 'HIGH', servedBy: 'POSTGRES', stalenessMs: 1000 });
});

test('what a store is known to hold wrongly is LOW from it alone, without an age, until it has applied the verified repair; whoever demands more gets another store', async () => {
  const { kind, engine, businessKey } = windowRow();
  const diverged = (settled: number | null): Divergences =>
    new Divergences([{ store: 'MONGODB', kind, engine, keys: [[businessKey, settled]], until: settled }]);
  server.mongodb.hold(windowRow(HIGH, { symbol: '000660' }));
  const demand = '@consistency(minConfidence: HIGH)';
  for (const open of [null, 101]) {
    server.proofs.divergences = diverged(open);
    expect(await claim()).toEqual({
      confidenceLevel: 'LOW',
      consistencyScope: 'EVENTUAL',
      servedBy: 'MONGODB',
      stalenessMs: null,
      stale: true,
      provenAt: null,
      reasons: ['VIOLATION_STORE_DIVERGENCE'],
    });
    const { body } = await server.query(`{ orderWindow(symbol: "000660", at: "${AT}") { ${CLAIM} } }`);
    expect(body.data.orderWindow.totalAmount).toMatchObject({ confidenceLevel: 'HIGH', servedBy: 'MONGODB' });
    expect(await claim(demand)).toMatchObject({ confidenceLevel: 'HIGH', servedBy: 'POSTGRES', stalenessMs: 1000 });
  }
  server.proofs.divergences = diverged(100);
  expect(await claim(demand)).toMatchObject({ confidenceLevel: 'HIGH', servedBy: 'MONGODB' });
});

test('Postgres is read after the proof’s reply, a read model beside it', async () => {
  let open = (): void => undefined;
  server.proofs.gate = new Promise((resolve) => (open = resolve));
  const asked = ONE.replace(')', ', engine: KAFKA_ONLY)');
  const both = server.query(`{ a: ${asked} { kind } b: ${asked} ${STRONG} { kind } }`);
  while (server.mongodb.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect([server.mongodb.asked, server.postgres.asked]).toEqual([[1], []]);
  open();
  await both;
  expect([server.postgres.asked, server.proofs.proved]).toEqual([[1], 1]);
});

test('a row newer than the proof is proven again, once', async () => {
  server.mongodb.hold(windowRow({ ...HIGH, position: position(105) }));
  server.mongodb.applied = appliedAt(105);
  server.proofs.onProve = () => (server.proofs.at = server.proofs.proved === 1 ? 100 : 105);
  expect(await claim()).toMatchObject({ confidenceLevel: 'HIGH', provenAt: '105' });
  expect(server.proofs.proved).toBe(2);
  server.proofs.onProve = () => (server.proofs.at = 100);
  expect(await claim()).toMatchObject({
    confidenceLevel: 'EVENTUALLY_CONSISTENT',
    provenAt: null,
    reasons: ['POSITION_UNKNOWN'],
  });
  expect(server.proofs.proved).toBe(4);
});

test('without a proof the read model still answers, within its limits, and says so; a stopped pipeline does not come back to life', async () => {
  await claim();
  server.proofs.gate = never();
  server.postgres.gate = never();
  expect(await claim()).toMatchObject({
    confidenceLevel: 'EVENTUALLY_CONSISTENT',
    servedBy: 'MONGODB',
    provenAt: null,
    reasons: ['PROOF_UNAVAILABLE'],
  });
  server.mongodb.hold(windowRow({ ...HIGH, final: false }));
  server.proofs.seconds = 111;
  expect(await claim()).toMatchObject({ confidenceLevel: 'LOW', reasons: ['PIPELINE_STOPPED', 'PROOF_UNAVAILABLE'] });
  expect(await claim(STRONG)).toMatchObject({ servedBy: 'MONGODB', consistencyScope: 'EVENTUAL' });
});

test('a store that fails is stood in for, with the other one’s contract; both down is a coded error', async () => {
  server.mongodb.failure = new Error('connection refused to 10.0.0.7');
  expect(await claim()).toMatchObject({ servedBy: 'POSTGRES', consistencyScope: 'STRONG', confidenceLevel: 'HIGH' });
  server.postgres.failure = new Error('connection refused');
  const { status, body, text } = await server.query(`{ ${ONE} { kind } serverInfo { version } }`);
  expect([status, body.data]).toEqual([200, { orderWindow: null, serverInfo: { version: '0.0.0-test' } }]);
  expect(body.errors).toMatchObject([
    { path: ['orderWindow'], extensions: { code: 'STORE_UNAVAILABLE', retryable: true } },
  ]);
  expect(text).not.toContain('10.0.0.7');
});

test('a store that failed just now is asked last until the cooldown has passed', async () => {
  server.mongodb.failure = new Error('down');
  await claim();
  await claim();
  expect(server.mongodb.asked.length).toBe(1);
  server.mongodb.failure = null;
  server.monotonic += 1000;
  expect(await claim()).toMatchObject({ servedBy: 'MONGODB' });
});

test('compareStores asks each store itself, and one that is down spoils nothing', async () => {
  server.mongodb.hold(windowRow(HIGH, { orders_total: 4 }));
  const query =
    '{ compareStores(kind: "order_window", businessKey: "005930@2026-01-05T09:00:00.000Z") { store available present value { value servedBy } } }';
  const { body } = await server.query(query);
  expect(body.data.compareStores).toEqual([
    {
      store: 'POSTGRES',
      available: true,
      present: true,
      value: { value: windowRow().calculatedValue, servedBy: 'POSTGRES' },
    },
    {
      store: 'MONGODB',
      available: true,
      present: true,
      value: { value: { ...windowRow().calculatedValue, orders_total: 4 }, servedBy: 'MONGODB' },
    },
  ]);
  server.mongodb.failure = new Error('down');
  const down = await server.query(query);
  expect(down.body.data.compareStores[0]).toEqual(body.data.compareStores[0]);
  expect(down.body.data.compareStores[1]).toEqual({ store: 'MONGODB', available: false, present: false, value: null });
  expect(down.body.errors).toMatchObject([
    { path: ['compareStores', 1, 'value'], extensions: { code: 'STORE_UNAVAILABLE' } },
  ]);
});

test('the keys of one request go to a store together, each once, under one proof', async () => {
  const { body } = await server.query(
    `{ a: ${ONE} { kind } b: ${ONE} { kind } c: orderWindow(symbol: "X", at: "${AT}") { kind } }`,
  );
  expect(body.data).toEqual({ a: { kind: 'order_window' }, b: { kind: 'order_window' }, c: null });
  expect([server.mongodb.asked, server.proofs.proved]).toEqual([[2], 1]);
});

test('the engine defaults to FLINK once a FLINK pipeline has been heard of, and can be asked for', async () => {
  expect((await server.query(`{ ${ONE} { engine } }`)).body.data).toEqual({ orderWindow: { engine: 'KAFKA_ONLY' } });
  server.proofs.pipelines = [fact(), fact({}, 'FLINK')];
  server.mongodb.hold(
    windowRow({ ...HIGH, engine: 'FLINK', pipeline: 'orders-flink', lastCheckpointTime: '2026-01-01T00:01:00.000Z' }),
  );
  await server.query('{ serverInfo { version } }');
  const { body } = await server.query(
    `{ ${ONE} { engine totalAmount { confidenceLevel lastCheckpointTime } } k: orderWindow(symbol: "005930", at: "${AT}", engine: KAFKA_ONLY) { engine } }`,
  );
  expect(body.data).toEqual({
    orderWindow: {
      engine: 'FLINK',
      totalAmount: { confidenceLevel: 'HIGH', lastCheckpointTime: '2026-01-01T00:01:39.000Z' },
    },
    k: { engine: 'KAFKA_ONLY' },
  });
});

test('a set has its own contract: a change of the kind in flight or a silent pipeline lowers it', async () => {
  const set = async (args = '') =>
    (await server.query(`{ orderWindows(engine: FLINK ${args}) { contract { confidenceLevel reasons { code } } } }`))
      .body.data.orderWindows.contract;
  expect(await set()).toEqual({
    confidenceLevel: 'LOW',
    reasons: [{ code: 'PIPELINE_STOPPED' }, { code: 'CHECKPOINT_OVERDUE' }],
  });
  server.proofs.pipelines = [fact({}, 'FLINK'), fact({ resultPartition: 1 }, 'FLINK')];
  expect(await set()).toEqual({ confidenceLevel: 'HIGH', reasons: [] });
  server.mongodb.applied = appliedAt(99);
  server.proofs.change(windowRow({ engine: 'FLINK' }), 100);
  expect(await set()).toEqual({ confidenceLevel: 'EVENTUALLY_CONSISTENT', reasons: [{ code: 'STORE_BEHIND' }] });
  server.proofs.pipelines = [
    fact({}, 'FLINK'),
    fact({ resultPartition: 1, lastHeartbeatAt: committedAt(80) }, 'FLINK'),
  ];
  expect(await set()).toEqual({
    confidenceLevel: 'LOW',
    reasons: [{ code: 'PIPELINE_STOPPED' }, { code: 'STORE_BEHIND' }],
  });
});

test('lastCdcSyncTime never goes back, and for Postgres it is the read models’', async () => {
  const sync = async (directive = '') =>
    (await server.query(`{ ${ONE} ${directive} { totalAmount { lastCdcSyncTime } } }`)).body.data.orderWindow
      .totalAmount.lastCdcSyncTime;
  expect(await sync(STRONG)).toBeNull();
  expect(await sync()).toBe('2026-01-01T00:01:40.000Z');
  server.mongodb.applied = appliedAt(98);
  expect([await sync(), await sync(STRONG)]).toEqual(['2026-01-01T00:01:40.000Z', '2026-01-01T00:01:40.000Z']);
  server.monotonic += 250;
  server.health = [
    {
      store: 'MONGODB',
      healthy: true,
      appliedPosition: position(103),
      appliedCommittedAt: committedAt(103),
      detail: null,
    },
  ];
  expect(await sync(STRONG)).toBe('2026-01-01T00:01:43.000Z');
});

test('pages walk a listing by cursors from both ends, under any alias', async () => {
  const starts = ['09:00', '09:05', '09:10'].map((time) => `2026-01-05T${time}:00.000Z`);
  server.mongodb.hold(...starts.map((start) => windowRow({}, { window_start: start })));
  const page = async (args: string) => {
    const { body } = await server.query(
      `{ p: orderWindows(symbol: "005930" ${args}) { edges { node { windowStart { value } } cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    );
    const { edges, pageInfo } = body.data.p;
    expect([pageInfo.startCursor, pageInfo.endCursor]).toEqual([edges[0].cursor, edges.at(-1).cursor]);
    return {
      starts: edges.map((edge: { node: { windowStart: { value: string } } }) => edge.node.windowStart.value),
      ...pageInfo,
    };
  };
  const first = await page('first: 2');
  expect(first).toMatchObject({ starts: starts.slice(0, 2), hasNextPage: true, hasPreviousPage: false });
  expect(await page(`first: 2 after: "${first.endCursor}"`)).toMatchObject({
    starts: starts.slice(2),
    hasNextPage: false,
    hasPreviousPage: true,
  });
  expect(await page('last: 1')).toMatchObject({ starts: starts.slice(2), hasNextPage: false, hasPreviousPage: true });
  expect(await page(`from: "${starts[1]}" to: "${starts[2]}"`)).toMatchObject({ starts: [starts[1]] });
});
