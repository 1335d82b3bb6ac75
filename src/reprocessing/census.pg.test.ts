/** What lost output has left without a row: found in the source, asked for, and then nothing is missing. Real queue, real ingest. */
import { SETTINGS } from '../../fold/test-support/settings.js';
import { pipelineFacts, type StoredFacts } from '../contract/pipeline-facts.js';
import { holdSourceExpired } from '../ingest/expired-source.js';
import { noteRecovered } from '../ingest/recovered.js';
import { begin, createWorld, emit, golden, record, type Message, type World } from '../ingest/test-support/world.js';
import type { LogRecord } from '../log/port.js';
import { TOPIC_RESETS } from '../../wire/topics.js';
import type { CensusOptions } from './census-run.js';
import { createCensusStore } from './census-store.js';
import { createQueue } from './queue.js';
import { createWorker, type Worker } from './worker.js';
import { consumerOf } from './test-support/source-log.js';

const [FIRST, LOST, LAST] = ['00', '05', '10'].map((minute) => `005930@2026-01-05T09:${minute}:00.000Z`);
/** An order of one share in the window that begins at that minute. */
const source = (offset: number, minute: string, over: Message = {}): LogRecord => {
  const ids = { event_id: `00000000-0000-4000-8000-${String(offset).padStart(12, '0')}`, order_id: `o-${offset}` };
  const event = { ...golden('event.flat'), ...ids, symbol: '005930', op: 'c', price: '100', quantity: 1 };
  return record(offset, { ...event, event_time: `2026-01-05T09:${minute}:01.000Z`, ...over }, '005930');
};

let world: World;
let log: LogRecord[];
let low: bigint;
let next: number;
/** The consumer delivers so many records only. */
let halt: number;
beforeEach(async () => {
  world = await createWorld();
  [log, low, next, halt] = [[source(0, '00'), source(1, '05', { quantity: 800 }), source(2, '10')], 0n, 0, Infinity];
}, 60_000);
afterEach(() => world?.close());

const deliver = async (...messages: Message[]): Promise<void> =>
  world.deliver(...messages.map((message) => record(next++, message, String(message['business_key']))));

const consumer = consumerOf(() => ({ low, records: log, most: halt }));

/** @param settleMs 0: nothing is on its way, and nobody rests */
function worker(settleMs = 0, recovered?: CensusOptions['recovered'], batch = 100): Worker {
  return createWorker({
    queue: createQueue(world.pool),
    settings: SETTINGS,
    sourcePartitions: async () => 1,
    consumer,
    rawLog: { read: async () => [] },
    censuses: {
      store: createCensusStore(world.pool),
      recovered: recovered ?? ((loss, kinds) => noteRecovered(world.pool, world.highest, loss, kinds)),
    },
    expired: (gone) => holdSourceExpired(world.pool, world.highest, gone),
    send: async (topic, { value }) => {
      if (topic !== TOPIC_RESETS) await deliver(JSON.parse(value.toString()) as Message);
    },
    monotonicMs: () => performance.now(),
    nowMs: Date.now,
    limits: { settleMs, batch, idleMs: 10 },
    log: () => undefined,
  });
}

/** Of three windows the second one's records are lost, and all of the orders'; one more record shows that. */
const lose = (): Promise<void> =>
  deliver(
    begin('a', 1),
    emit('a', 2, { business_key: FIRST, final: true }, { coverage: { '0': [0, 0] }, events: 1 }),
    emit('a', 9, { business_key: LAST }, { coverage: { '0': [2, 2] }, events: 1 }),
  );

interface Found {
  readonly key: string;
  readonly cap: string;
  readonly deleted: boolean;
  readonly verified: boolean;
}
const found = async (): Promise<unknown[][]> => {
  const { rows } = await world.pool.query<Found>(
    `select kind || ' ' || business_key as key, cap, deleted, cause = 'REPROCESSED' as verified from results order by 1`,
  );
  return rows.map(({ key, cap, deleted, verified }) => [key, cap, deleted, verified]);
};
const census = async (): Promise<unknown> =>
  (await world.pool.query<object>('select state, missing, code from loss_censuses')).rows[0];
/** What the proof says of the pipeline: where output was lost, and what is not missing for it. */
const evidence = async (): Promise<unknown> => {
  const { rows } = await world.pool.query<StoredFacts>('select * from pipeline_facts');
  const [fact] = pipelineFacts(rows.map((row) => ({ ...row, position: Number(row.position) })));
  return [fact?.lossOffset, fact?.recovered];
};
const KINDS = ['order_window', 'order', 'anomaly'];
const ALL = [
  ['anomaly LARGE_ORDER:o-1', 'HIGH', false, true],
  ...[0, 1, 2].map((n) => [`order o-${n}`, 'HIGH', false, true]),
  [`order_window ${FIRST}`, 'EVENTUALLY_CONSISTENT', false, false],
  [`order_window ${LOST}`, 'HIGH', false, true],
  [`order_window ${LAST}`, 'HIGH', false, true],
];

test('results of which no record ever came are made again; then nothing is missing for that loss, until more is lost', async () => {
  await lose();
  expect(await evidence()).toEqual([2, []]);
  // The window behind the loss is ingest's own request; five results have no row.
  expect(await worker().run()).toBe(6);
  expect(await found()).toEqual(ALL);
  expect(await census()).toEqual({ state: 'OPEN', missing: 5, code: null });
  expect(await evidence()).toEqual([2, []]);
  await worker().run();
  expect(await census()).toEqual({ state: 'DONE', missing: 0, code: null });
  expect(await evidence()).toEqual([2, KINDS]);
  expect(await worker().run()).toBe(0);
  await deliver(emit('a', 12, { business_key: LAST }, { coverage: { '0': [2, 3] } }));
  const later = next - 1;
  expect(await evidence()).toEqual([later, []]);
  await worker().run();
  expect(await census()).toEqual({ state: 'DONE', missing: 0, code: null });
  expect(await evidence()).toEqual([later, KINDS]);
});

test('a closed result whose late event was dropped with nobody hearing of it is recomputed', async () => {
  log.push(source(3, '00'));
  await lose();
  await worker().run();
  expect((await found()).filter(([key]) => key === `order_window ${FIRST}`)).toEqual([
    [`order_window ${FIRST}`, 'HIGH', false, true],
  ]);
  await worker().run();
  expect(await census()).toMatchObject({ state: 'DONE' });
});

test('what was on its way, and comes by itself, is not recomputed', async () => {
  await lose();
  await worker(60_000).run();
  const asked = `select count(*)::int as n from reprocessing_requests where symbol is not null and state = 'OPEN'`;
  expect((await world.pool.query(asked)).rows).toEqual([{ n: 5 }]);
  await deliver(emit('a', 10, { business_key: LOST }, { coverage: { '0': [1, 1] } }));
  // Behind the loss its run is in doubt; a run that is not would not be.
  await world.pool.query(`update results set cap = 'EVENTUALLY_CONSISTENT', reasons = '{}' where business_key = $1`, [
    LOST,
  ]);
  await world.pool.query(`delete from reprocessing_requests where business_key = $1 and symbol is null`, [LOST]);
  await world.pool.query(`update reprocessing_requests set due_at = now()`);
  await createCensusStore(world.pool).notice();
  expect((await world.pool.query(asked)).rows).toEqual([{ n: 4 }]);
});

test('few at a time, and killed before the end is written down: another look finds the rest, and nothing twice', async () => {
  await lose();
  let died = 0;
  const dies = async (): Promise<void> => {
    died += 1;
    throw new Error('killed');
  };
  for (let i = 0; i < 6; i++) {
    await worker(0, dies, 2).run();
    await world.pool.query('update loss_censuses set due_at = now()');
  }
  expect(await found()).toEqual(ALL);
  expect([died > 0, await evidence()]).toEqual([true, [2, []]]);
  const before = await world.clock();
  await worker().run();
  expect([await census(), await evidence()]).toMatchObject([{ state: 'DONE' }, [2, KINDS]]);
  // One position says so; no result was written again.
  expect(await world.clock()).toBe(before + 1);
});

test('what can not be looked through is not claimed: the beginning of the source is gone', async () => {
  await lose();
  low = 1n;
  await worker().run();
  expect(await census()).toEqual({ state: 'FAILED', missing: null, code: 'SOURCE_EXPIRED' });
  expect(await evidence()).toEqual([2, []]);
  expect(await worker().run()).toBe(0);
});

test('nothing is claimed of a source that could not be read to its end', async () => {
  log = [log[0]!, ...Array.from({ length: 40 }, (_, n) => source(n + 1, '10', { order_id: 'o-0', op: 'u' }))];
  await lose();
  await worker().run();
  halt = 39;
  await worker().run();
  expect([await census(), await evidence()]).toEqual([{ state: 'OPEN', missing: 0, code: null }, [2, []]]);
  halt = Infinity;
  await worker().run();
  expect([await census(), await evidence()]).toEqual([{ state: 'DONE', missing: 0, code: null }, [2, KINDS]]);
});

test('what could not be recomputed is still missing', async () => {
  await lose();
  await worker().run();
  await world.pool.query(`delete from results where business_key = 'o-1'`);
  await world.pool.query(
    `update reprocessing_requests set state = 'FAILED', code = 'X', finished_at = now() where business_key = 'o-1'`,
  );
  await worker().run();
  expect(await census()).toEqual({ state: 'FAILED', missing: 1, code: 'REPROCESSING_FAILED' });
  expect(await evidence()).toEqual([2, []]);
});

test('what has expired is not made again', async () => {
  await lose();
  await world.pool.query(
    `insert into expired_kinds (kind, engine, until) values ('order', 'KAFKA_ONLY', '2026-01-05T09:05:30.000Z')`,
  );
  await worker().run();
  expect((await found()).map(([key]) => key)).toEqual(
    ALL.map(([key]) => key).filter((key) => key !== 'order o-0' && key !== 'order o-1'),
  );
});
