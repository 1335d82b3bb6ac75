/** Engines that say different things of the same events: whose word is doubted, when, and for how long. */
import { createDivergenceWatch } from './divergence.js';
import { begin, createWorld, emit, record, result, type Message, type World } from './test-support/world.js';

let world: World;
beforeEach(async () => {
  world = await createWorld();
  await world.deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
}, 60_000);
afterEach(() => world?.close());

const VALUE = result['calculated_value'] as Message;
const OTHER = { ...VALUE, orders_total: 99 };

/** The other engine's row: as the one that is stored, but for this. */
const flinkSays = (over: Message): Promise<unknown> =>
  world.pool.query(
    `insert into results select (jsonb_populate_record(r, $1::jsonb)).* from results r where engine = 'KAFKA_ONLY'`,
    [JSON.stringify({ engine: 'FLINK', result_topic: 'results.flink', cap: 'HIGH', reasons: [], ...over })],
  );
const look = (): Promise<void> => createDivergenceWatch(world.pool, world.highest)();
const levels = async (): Promise<unknown[]> => {
  const { rows } = await world.pool.query<{ engine: string; cap: string; reasons: string[] }>(
    'select engine, cap, reasons from results order by engine desc',
  );
  return rows.map(({ engine, cap, reasons }) => [engine, cap, reasons]);
};
const AS_BEFORE = ['KAFKA_ONLY', 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT']];
const DOUBTED = ['KAFKA_ONLY', 'LOW', ['NO_CHECKPOINT', 'VIOLATION_ENGINE_DIVERGENCE']];
const FLINK = ['FLINK', 'HIGH', []];

test('at equal coverage another value lowers the engine without exactly-once evidence, once, and asks for its truth', async () => {
  await flinkSays({ calculated_value: OTHER });
  await Promise.all([look(), look()]);
  expect(await levels()).toEqual([DOUBTED, FLINK]);
  const { rows: requests } = await world.pool.query('select engine, reason, state from reprocessing_requests');
  expect(requests).toEqual([{ engine: 'KAFKA_ONLY', reason: 'VIOLATION_ENGINE_DIVERGENCE', state: 'OPEN' }]);
  const { rows: events } = await world.pool.query(
    `select level_before, level_after from staleness_events where type = 'CONFIDENCE_LOWERED'`,
  );
  expect(events).toEqual([{ level_before: 'EVENTUALLY_CONSISTENT', level_after: 'LOW' }]);
  const { rows: log } = await world.pool.query('select keys from commit_log order by position desc limit 1');
  expect(log).toEqual([{ keys: [['order_window', result['business_key'], 'KAFKA_ONLY', 'LOW', DOUBTED[2]]] }]);
  const at = await world.clock();
  await look();
  expect(await world.clock()).toBe(at);
  // The state behind it is the same: what its run says next is in doubt as well.
  await world.deliver(record(2, emit('a', 3)));
  expect(await levels()).toEqual([DOUBTED, FLINK]);
});

test.each<[string, Message]>([
  [
    'the same value, its members in another order',
    { calculated_value: Object.fromEntries(Object.entries(VALUE).reverse()) },
  ],
  ['other offsets were folded', { calculated_value: OTHER, evidence: { coverage: { '0': [0, 3] } } }],
  ['it does not say which offsets it folded', { calculated_value: OTHER, evidence: {} }],
  ['the other value is in doubt itself', { calculated_value: OTHER, cap: 'LOW' }],
])('nothing is held against it when %s', async (_, over) => {
  await flinkSays(over);
  await look();
  expect((await levels())[0]).toEqual(AS_BEFORE);
});

test('what was recomputed from the source is not doubted for what an engine says', async () => {
  await world.pool.query(`update results set cause = 'REPROCESSED'`);
  await flinkSays({ calculated_value: OTHER });
  await look();
  expect((await levels())[0]).toEqual(AS_BEFORE);
});

test('a look begins where the last one ended, and from the beginning when history was set back', async () => {
  const watch = createDivergenceWatch(world.pool, world.highest);
  await watch();
  await flinkSays({ calculated_value: OTHER });
  await watch();
  expect((await levels())[0]).toEqual(AS_BEFORE);
  await world.pool.query('update commit_clock set position = position - 1');
  await watch();
  await world.pool.query('update commit_clock set position = position + 1');
  await watch();
  expect((await levels())[0]).toEqual(DOUBTED);
});
