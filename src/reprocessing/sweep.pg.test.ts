/** What is asked for though no transaction came by it: against real tables, with facts as ingest writes them. */
import { NO_FACTS } from '../decision/state.js';
import { begin, createWorld, emit, record, type World } from '../ingest/test-support/world.js';
import { createSweep, REPLAY_SWEEPS } from './sweep.js';

let world: World;
beforeEach(async () => {
  world = await createWorld();
}, 60_000);
afterEach(() => world?.close());

const asked = async (): Promise<unknown[]> =>
  (
    await world.pool.query<object>(
      'select business_key as key, reason, requested_by as by from reprocessing_requests order by business_key',
    )
  ).rows;

test('what a restored job has not said again is asked for, once it has had its time; what its state holds is not', async () => {
  const keys = ['behind', 'current', 'held', 'stranger', 'verified'].map((name) => `${name}@2026-01-05T09:00:00.000Z`);
  const [behind, current, , stranger, verified] = keys;
  await world.deliver(
    record(0, begin('a', 1)),
    ...keys.map((business_key, i) => record(i + 1, emit('a', i + 2, { business_key }))),
  );
  await world.pool.query(`update results set engine = 'FLINK', pipeline = 'orders-flink', run = 'r1', epoch = 41`);
  const change = (key: string | undefined, set: string): Promise<unknown> =>
    world.pool.query(`update results set ${set} where business_key = $1`, [key]);
  await change(behind, 'epoch = 42');
  await change(current, `run = 'r2', epoch = 42`);
  await change(stranger, `run = 'r0', final = true`);
  await change(verified, `epoch = 42, cause = 'REPROCESSED'`);
  const facts = { ...NO_FACTS, current: { run: 'r2', lineage: [['r1', 41]] } };
  await world.pool.query(
    `insert into pipeline_facts (pipeline, result_topic, result_partition, engine, position, facts)
     values ('orders-flink', 'results.kafka-only', 0, 'FLINK', 1, $1)`,
    [JSON.stringify(facts)],
  );
  const sweep = createSweep(world.pool);
  for (let i = 0; i < REPLAY_SWEEPS; i++) expect(await sweep(['order_window'], 10)).toBe(0);
  expect(await sweep(['order_window'], 10)).toBe(2);
  expect(await asked()).toEqual(
    [behind, stranger].map((key) => ({ key, reason: 'ROLLBACK_UNCONFIRMED', by: 'sweep' })),
  );
  expect(await sweep(['order_window'], 10)).toBe(0);
});
