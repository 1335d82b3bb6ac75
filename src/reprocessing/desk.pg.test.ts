/** A person's request in a real queue, and what the API reads of refusals, requests and evidence there. */
import type { ResultKey } from '../position/commit-log.js';
import { createPostgresAudit } from '../stores/postgres/audit.js';
import { begin, createWorld, emit, golden, record, result, type World } from '../ingest/test-support/world.js';
import { createReprocessingDesk } from './desk.js';
import { createQueue } from './queue.js';

let world: World;
let next: number;
beforeEach(async () => {
  world = await createWorld();
  next = 0;
}, 60_000);
afterEach(() => world?.close());

const deliver = (...messages: Record<string, unknown>[]): Promise<void> =>
  world.deliver(...messages.map((message) => record(next++, message, String(message['business_key']))));

const window = (minute: string): ResultKey => ({
  kind: 'order_window',
  businessKey: `005930@2026-01-05T09:${minute}:00.000Z`,
  engine: 'KAFKA_ONLY',
});
const desk = (most?: number) => createReprocessingDesk(world.pool, true, most);
const audit = () => createPostgresAudit(world.pool);
const open = async (): Promise<string[]> =>
  (await audit().requests({ limit: 50, state: 'OPEN' })).map((r) => `${r.businessKey} ${r.requestedBy} ${r.reason}`);

test('asking twice, or at once, makes one request; one that ingest made is taken over and is worked on first', async () => {
  await deliver(begin('a', 1), emit('a', 2), emit('a', 3, {}, { coverage: { '0': [0, 2] }, digest: '7' }));
  const key = { ...window('00'), businessKey: String(result['business_key']) };
  expect(await open()).toEqual([`${key.businessKey} ingest VIOLATION_VALUE_CONFLICT`]);
  const other = window('30');
  const ids = await Promise.all(Array.from({ length: 8 }, () => desk().request(other)));
  expect(new Set(ids).size).toBe(1);
  expect([await desk().request(key), await desk().request(key)]).toEqual([1n, 1n]);
  expect(await open()).toEqual([
    `${other.businessKey} person REQUESTED`,
    `${key.businessKey} person VIOLATION_VALUE_CONFLICT`,
  ]);
  // What is finished is asked for anew.
  await createQueue(world.pool).fail(['1'], 'SOURCE_EXPIRED', 'gone');
  const again = await desk().request(key);
  expect(await audit().requests({ ...key, limit: 50 })).toEqual([
    expect.objectContaining({ id: again, state: 'OPEN', requestedBy: 'person', failure: null, finishedAt: null }),
    expect.objectContaining({
      id: 1n,
      state: 'FAILED',
      dueAt: null,
      failure: { code: 'SOURCE_EXPIRED', message: 'gone' },
      finishedPosition: BigInt(await world.clock()),
    }),
  ]);
});

test('persons may have so many open requests; what is open already is no further one', async () => {
  await desk(2).request(window('00'));
  await desk(2).request(window('05'));
  const over = { code: 'REPROCESSING_FULL', retryable: true };
  await expect(desk(2).request(window('10'))).rejects.toMatchObject(over);
  expect(await desk(2).request(window('05'))).toBe((await audit().requests({ limit: 1 }))[0]?.id);
  await world.pool.query(`update reprocessing_requests set state = 'DONE' where business_key = $1`, [
    window('00').businessKey,
  ]);
  await desk(2).request(window('10'));
  expect((await audit().requests({ limit: 50, state: 'DONE' })).map((r) => r.businessKey)).toEqual([
    window('00').businessKey,
  ]);
});

test('what could not be worked on is said no to at once, and leaves no request', async () => {
  await deliver(begin('a', 1), {
    ...golden('result.order'),
    run: { id: 'a', subtask: 0 },
    seq: 2,
    business_key: 'o-1',
  });
  const order = (businessKey: string): ResultKey => ({ kind: 'order', businessKey, engine: 'KAFKA_ONLY' });
  const tries: readonly (readonly [ResultKey, string])[] = [
    [{ ...window('00'), kind: 'tally' }, 'KIND_NOT_REPROCESSABLE'],
    [order('o-2'), 'RESULT_UNKNOWN'],
    [{ ...order('o-1'), engine: 'FLINK' }, 'RESULT_UNKNOWN'],
    [order(''), 'BUSINESS_KEY_INVALID'],
    [order('a@\u0000'), 'BUSINESS_KEY_INVALID'],
    [order('x'.repeat(513)), 'BUSINESS_KEY_INVALID'],
  ];
  for (const [key, code] of tries) await expect(desk().request(key)).rejects.toMatchObject({ code, retryable: false });
  const off = createReprocessingDesk(world.pool, false);
  await expect(off.request(window('00'))).rejects.toMatchObject({ code: 'REPROCESSING_OFF' });
  expect(await open()).toEqual([]);
  await desk().request(order('o-1'));
  expect(await open()).toEqual(['o-1 person REQUESTED']);
});

test('a refusal is read with both values; one that is too large is left out, and what it rests on is not', async () => {
  const value = result['calculated_value'] as object;
  const large = { ...value, note: 'x'.repeat(17_000) };
  const packed = { ...value, note: Array.from({ length: 20_000 }, () => Math.random()).join() };
  await deliver(begin('a', 1), emit('a', 2, {}, { coverage: { '0': [0, 5] } }));
  await deliver(
    emit('a', 3, { revision: 9 }, { coverage: { '0': [0, 5] }, digest: '7', events: 4 }),
    emit('a', 4, { calculated_value: large }, { coverage: { '0': [0, 5] }, digest: '8' }),
    emit('a', 5, { calculated_value: packed }, { coverage: { '0': [0, 5] }, digest: '9' }),
  );
  const [third, second, first] = await audit().refusals({ limit: 50 });
  expect(first).toMatchObject({
    kind: 'order_window',
    engine: 'KAFKA_ONLY',
    reason: 'VIOLATION_VALUE_CONFLICT',
    topic: 'results.kafka-only',
    partition: 0,
    offset: 2n,
    position: 2n,
    stored: { value, run: 'a', coverage: { '0': [0, 5] }, digest: '1', events: 3, deleted: false },
    refused: { value, run: 'a', revision: 9, digest: '7', events: 4, deleted: false },
  });
  expect(second).toMatchObject({ refused: { value: null, digest: '8' }, stored: { value } });
  expect(third?.refused).toMatchObject({ value: null, digest: null, run: null });
  const page = await audit().refusals({ limit: 1, after: third?.id ?? 0n });
  expect(page.map(({ id }) => id)).toEqual([second?.id]);
  expect(await audit().refusals({ limit: 50, kind: 'order_window', engine: 'FLINK' })).toEqual([]);
});

test('the evidence of a row is read as its engine reported it, with the position that it is of', async () => {
  await deliver(begin('a', 1), emit('a', 2), emit('a', 3, { ...window('05'), business_key: window('05').businessKey }));
  const keys = [{ ...window('00'), businessKey: String(result['business_key']) }, window('55')];
  expect(await audit().evidence(keys)).toEqual([
    {
      ...keys[0],
      position: 1n,
      cause: 'IN_ORDER',
      digest: '1',
      events: 3,
      duplicatesDropped: 0,
      maxEventTime: '2026-01-05T09:00:01.000Z',
    },
  ]);
});
