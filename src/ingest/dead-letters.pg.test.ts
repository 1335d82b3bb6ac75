/** Undecodable records of the result topics in Postgres: noted with cause and place, and nothing around them suffers. */
import { begin, createWorld, emit, record, result, TOPIC, type World } from './test-support/world.js';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => world.close());

test('poison becomes dead letters with cause and place, and the records around it are stored', async () => {
  await world.deliver(
    record(0, begin('a', 1)),
    record(1, '{"broken'),
    record(2, null),
    record(3, { ...emit('a', 2), business_key: 'nul\u0000' }),
    record(4, { ...emit('a', 2), processing_engine: 'FLINK' }),
    record(5, { ...emit('a', 2), op: 'explode' }),
    record(6, { ...emit('a', 2), kind: 'custom', calculated_value: { a: [{ $ref: 1 }] } }),
    record(7, emit('a', 2)),
    // What a parser says of it repeats it.
    record(8, '\u0000\u0000'),
  );
  const letters = await world.pool.query(
    'select record_offset::int as o, cause, topic, partition from dead_letters order by record_offset',
  );
  expect(letters.rows).toEqual([
    { o: 1, cause: 'BAD_JSON', topic: TOPIC, partition: 0 },
    { o: 2, cause: 'NULL_VALUE', topic: TOPIC, partition: 0 },
    { o: 3, cause: 'BAD_TEXT', topic: TOPIC, partition: 0 },
    { o: 4, cause: 'ENGINE_UNEXPECTED', topic: TOPIC, partition: 0 },
    { o: 5, cause: 'SCHEMA_INVALID', topic: TOPIC, partition: 0 },
    { o: 6, cause: 'BAD_FIELD', topic: TOPIC, partition: 0 },
    { o: 8, cause: 'BAD_JSON', topic: TOPIC, partition: 0 },
  ]);
  expect(await world.rows()).toHaveLength(1);
});

test('a broken result leaves only its own key in doubt if its number can be read, and all that its run says after it if not', async () => {
  await world.deliver(
    record(0, begin('a', 1)),
    record(1, emit('a', 2, { business_key: 'x', op: 'explode' }), 'x'),
    record(2, emit('a', 3, { business_key: 'y' })),
    record(3, JSON.stringify(emit('a', 4, { business_key: 'z' })).slice(0, -1), 'z'),
    record(4, emit('a', 5, { business_key: 'after' })),
    // A pipeline that nobody knows is not made known by a broken record.
    record(5, emit('a', 1, { business_key: 'x', op: 'explode', pipeline: 'nobody' }), 'x'),
  );
  expect((await world.rows()).map(({ business_key, reasons }) => [business_key, reasons])).toEqual([
    ['after', ['NO_CHECKPOINT', 'VIOLATION_OUTPUT_GAP']],
    ['y', ['NO_CHECKPOINT']],
  ]);
  expect((await world.pool.query('select distinct pipeline from pipeline_facts')).rows).toEqual([
    { pipeline: result['pipeline'] },
  ]);
});

test('a value that Postgres refuses becomes a dead letter, and the rest of its batch is stored', async () => {
  const refused = emit('a', 2, {
    business_key: 'refused',
    completed_checkpoint: { id: 1, time: '+275760-09-13T00:00:00.000Z' },
  });
  await world.deliver(record(0, begin('a', 1)), record(1, refused), record(2, emit('a', 3)));
  const letters = await world.pool.query('select record_offset::int as o, cause from dead_letters');
  expect(letters.rows).toEqual([{ o: 1, cause: expect.stringMatching(/^(STORE_REFUSED|SCHEMA_INVALID)$/) as string }]);
  expect((await world.rows()).map((row) => row.business_key)).toEqual([result['business_key']]);
});

test('a record of another schema stops the partition before anything of its batch is stored', async () => {
  await expect(
    world.deliver(record(0, begin('a', 1)), record(1, { ...emit('a', 2), schema: 2 })),
  ).rejects.toMatchObject({
    code: 'SCHEMA_UNKNOWN',
    retryable: false,
  });
  expect(await world.clock()).toBe(0);
});
