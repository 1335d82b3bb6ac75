/** An engine with checkpoints in Postgres: what is seen in a transaction is final, what contradicts it is stored beside it. */
import type { LogRecord } from '../log/port.js';
import { createDesk } from './desk.js';
import type { Accepted } from './settle.js';
import { createWorld, golden, record, reported, TOPIC, type Message, type World } from './test-support/world.js';

let world: World;
beforeEach(async () => {
  world = await createWorld({ engines: new Map([[TOPIC, 'FLINK']]) });
});
afterEach(() => world.close());

const RUN = { id: 'r1', subtask: 0, lineage: [] };
const result = golden('result.flink');
const evidence = result['evidence'] as Message;
const begin: Message = {
  ...golden('control.run'),
  run: RUN,
  seq: 1,
  calculated_value: { parent: null, restored_checkpoint: null, counters: [] },
};
const emit = (seq: number, over: Message = {}): Message => ({ ...result, run: RUN, seq, revision: seq, ...over });
const OF_FLINK = { processing_engine: 'FLINK', pipeline: 'orders-flink', delivery: 'EXACTLY_ONCE' };
const committed = (offset: number, value: Message): LogRecord => ({ ...record(offset, value), inTransaction: true });

test('final on arrival needs both the promise of the sink and the transaction', async () => {
  await world.deliver(committed(0, begin), committed(1, emit(2)), record(2, emit(3, { business_key: 'open' })));
  expect(await world.rows()).toEqual([
    { business_key: result['business_key'], cap: 'HIGH', reasons: [] },
    { business_key: 'open', cap: 'EVENTUALLY_CONSISTENT', reasons: ['EPOCH_OPEN'] },
  ]);
});

test('a contradiction is stored with both values; a verification makes the row HIGH, and the run stays tainted', async () => {
  await world.deliver(committed(0, begin), committed(1, emit(2)));
  await world.deliver(committed(2, emit(3, { evidence: { ...evidence, digest: '7' } })));
  expect(await world.rows()).toMatchObject([{ cap: 'LOW', reasons: ['VIOLATION_VALUE_CONFLICT'] }]);
  const { rows: refusals } = await world.pool.query(
    `select reason, stored ->> 'digest' as stored, refused -> 'evidence' ->> 'digest' as refused from refusals`,
  );
  expect(refusals).toEqual([{ reason: 'VIOLATION_VALUE_CONFLICT', stored: evidence['digest'], refused: '7' }]);
  const { rows } = await world.pool.query('select id::text as request, nonce from reprocessing_requests');
  const reprocessing = { ...rows[0], up_to: { '0': 1_300 } };
  const verification = emit(1, { cause: 'REPROCESSED', run: { id: 'recomputing' }, reprocessing });
  await world.deliver(committed(3, verification));
  expect(await world.rows()).toMatchObject([{ cap: 'HIGH', reasons: [] }]);
  await world.deliver(committed(4, emit(4, { evidence: { ...evidence, coverage: { '0': [1200, 1300] } } })));
  expect(await world.rows()).toMatchObject([{ cap: 'LOW', reasons: ['VIOLATION_VALUE_CONFLICT'] }]);
});

describe('a dead letter of an engine with checkpoints', () => {
  const EVENT = JSON.stringify(golden('event.flat'));
  const letter = (seq: number): Message => ({ ...reported('r1', seq, 5, 'K'), ...OF_FLINK, run: RUN });
  const beat = (seq: number, subtask: number, next: number): Message => ({
    ...golden('control.heartbeat-flink'),
    run: { ...RUN, subtask },
    seq,
    calculated_value: { state: 'RUNNING', subtasks: 2, sources: { '0': { next_offset: next, append_time: null } } },
  });
  /** One that could belong to `held`, replayed to offset 20. */
  async function replayed(accepted?: () => Accepted) {
    const desk = createDesk({
      pool: world.pool,
      highest: world.highest,
      engines: new Map([[TOPIC, 'FLINK']]),
      sourceTopic: 'orders.events',
      send: () => Promise.resolve({ partition: 0, offset: 20n }),
      ...(accepted === undefined ? {} : { accepted }),
    });
    const held = emit(3, { business_key: 'held', evidence: { ...evidence, lost: { '0': [5] } } });
    await world.deliver(committed(0, begin), committed(1, letter(2)), committed(2, held));
    await desk.replay([1n], EVENT);
    return desk;
  }
  const state = async (): Promise<unknown[]> => {
    const { rows } = await world.pool.query<{ settled: boolean }>(
      'select settled_position is not null as settled from dead_letters',
    );
    return [...rows.map(({ settled }) => settled), ...(await world.rows()).map(({ cap }) => cap)];
  };

  test('is settled once every subtask says that it has counted the replay; then confidence returns', async () => {
    const desk = await replayed();
    await world.deliver(committed(3, beat(4, 0, 21)));
    await desk.settle();
    expect(await state()).toEqual([false, 'LOW']);
    await world.deliver(committed(4, beat(1, 1, 20)));
    await desk.settle();
    expect(await state()).toEqual([false, 'LOW']);
    await world.deliver(committed(5, beat(2, 1, 21)));
    await desk.settle();
    expect(await state()).toEqual([true, 'HIGH']);
  });

  test('or once the replay was seen to be counted, by a job whose heartbeats do not say so; of one such job', async () => {
    const accepted = new Map([[0, 20n]]);
    const desk = await replayed(() => accepted);
    await desk.settle();
    expect(await state()).toEqual([false, 'LOW']);
    accepted.set(0, 21n);
    await world.pool
      .query(`insert into pipeline_facts (pipeline, result_topic, result_partition, engine, position, facts)
      select 'another', result_topic, result_partition, engine, position, facts from pipeline_facts`);
    await desk.settle();
    expect(await state()).toEqual([false, 'LOW']);
    await world.pool.query(`delete from pipeline_facts where pipeline = 'another'`);
    await desk.settle();
    expect(await state()).toEqual([true, 'HIGH']);
  });
});
