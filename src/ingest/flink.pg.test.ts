/** An engine with checkpoints in Postgres: what is seen in a transaction is final, what contradicts it is stored beside it. */
import type { LogRecord } from '../log/port.js';
import { createWorld, golden, record, TOPIC, type Message, type World } from './test-support/world.js';

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
