/** The worker against a real queue and real ingest, over a source log in memory: what it repairs, what a crash leaves. */
import { SETTINGS } from '../../fold/test-support/settings.js';
import type { LogConsumer, LogRecord } from '../log/port.js';
import { begin, createWorld, emit, golden, record, type Message, type World } from '../ingest/test-support/world.js';
import type { RawRecord } from '../raw/port.js';
import { TOPIC_RESETS } from '../../wire/topics.js';
import type { Reset } from '../../wire/reset.js';
import { holdSourceExpired } from '../ingest/expired-source.js';
import { createCensusStore } from './census-store.js';
import { createQueue } from './queue.js';
import { createWorker, type Worker, type WorkerOptions } from './worker.js';
import { consumerOf } from './test-support/source-log.js';

const flat = golden('event.flat');
const source = (offset: number, over: Message = {}): LogRecord => {
  const id = String(offset).padStart(12, '0');
  const ids = { event_id: `00000000-0000-4000-8000-${id}`, order_id: `o-${offset}`, symbol: '005930' };
  const event = {
    ...flat,
    ...ids,
    op: 'c',
    price: '100',
    quantity: 1,
    event_time: '2026-01-05T09:00:01.000Z',
    ...over,
  };
  return record(offset, event, '005930');
};

let world: World;
let log: LogRecord[];
let low: bigint;
let next: number;
/** Commands to replace state, as they were sent. */
let resets: (Reset & { readonly partition: number; readonly key: string })[];
/** What was sent to the result topic and how often, by request. */
let sent: string[];
beforeEach(async () => {
  world = await createWorld();
  [log, low, next, sent, resets] = [[source(0), source(1), source(2)], 0n, 0, [], []];
}, 60_000);
afterEach(() => world?.close());

const deliver = async (...messages: Message[]): Promise<void> =>
  world.deliver(...messages.map((message) => record(next++, message, String(message['business_key']))));

const consumer = consumerOf(() => ({ low, records: log }));

function worker(over: Partial<WorkerOptions> = {}): Worker {
  return createWorker({
    queue: createQueue(world.pool),
    settings: SETTINGS,
    sourcePartitions: async () => 1,
    consumer,
    rawLog: { read: async (): Promise<RawRecord[]> => [] },
    censuses: { store: createCensusStore(world.pool), recovered: async () => undefined },
    expired: (gone) => holdSourceExpired(world.pool, world.highest, gone),
    send: async (topic, { value, partition, key }) => {
      if (topic === TOPIC_RESETS)
        return void resets.push({ partition, key, ...(JSON.parse(value.toString()) as Reset) });
      const message = JSON.parse(value.toString()) as Message;
      sent.push((message['reprocessing'] as { request: string }).request);
      await deliver(message);
    },
    monotonicMs: () => performance.now(),
    nowMs: Date.now,
    log: () => undefined,
    ...over,
  });
}

interface Found {
  readonly cap: string;
  readonly total: number | null;
  readonly deleted: boolean;
}
const found = async (): Promise<Found[]> =>
  (
    await world.pool.query<Found>(
      `select cap, (calculated_value ->> 'orders_total')::int as total, deleted from results order by business_key`,
    )
  ).rows;
const requests = async (): Promise<unknown[]> =>
  (await world.pool.query<object>('select state, code, requested_by as by from reprocessing_requests order by id'))
    .rows;

/** Two values for one coverage: LOW, and asked for. */
const conflict = (): Promise<void> =>
  deliver(begin('a', 1), emit('a', 2), emit('a', 3, {}, { coverage: { '0': [0, 2] }, digest: '7' }));
const right = { cap: 'HIGH', total: 3, deleted: false };

test('what is LOW is recomputed from the source, once, and then there is nothing left to do', async () => {
  await conflict();
  log.push(source(3, { order_id: 'o-0' }), source(4, { event_time: '2026-01-05T09:05:00.000Z' }));
  expect(await worker().run()).toBe(1);
  expect(await found()).toEqual([right]);
  expect(await requests()).toEqual([{ state: 'DONE', code: null, by: 'ingest' }]);
  expect(await worker().run()).toBe(0);
  expect(sent).toHaveLength(1);
});

test.each(['claimed', 'scanned', 'sent'] as const)(
  'killed when it has %s, another server finishes the work',
  async (point) => {
    await conflict();
    // The process is gone: no clean-up of its own may help.
    let dead = false;
    const hook: WorkerOptions['hook'] = (at) => {
      if (at !== point) return;
      dead = true;
      throw new Error('killed');
    };
    const real = createQueue(world.pool);
    const queue = {
      ...real,
      later: async (...args: Parameters<typeof real.later>) => (dead ? undefined : real.later(...args)),
    };
    await worker({ hook, queue })
      .run()
      .catch(() => undefined);
    expect(await worker().run()).toBe(0);
    await world.pool.query(`update reprocessing_requests set due_at = now() where state = 'OPEN'`);
    expect(await worker().run()).toBe(point === 'sent' ? 0 : 1);
    expect(await found()).toEqual([right]);
    expect(sent).toHaveLength(1);
  },
);

test('servers share the queue: each request is answered by one of them', async () => {
  const keys = Array.from({ length: 20 }, (_, i) => `005930@2026-01-05T10:${String(i).padStart(2, '0')}:00.000Z`);
  await deliver(begin('a', 1), ...keys.map((business_key, i) => emit('a', 2 + i, { business_key })));
  await world.pool.query(
    `insert into reprocessing_requests (kind, business_key, engine, reason, requested_position)
     select kind, business_key, engine, 'RESTART_DUPLICATION', position from results`,
  );
  const few = { limits: { batch: 5 } };
  const worked = await Promise.all([worker(few), worker(few), worker(few)].map((one) => one.run()));
  expect(worked).toEqual([5, 5, 5]);
  expect(await worker().run()).toBe(5);
  expect([sent.length, new Set(sent).size]).toEqual([20, 20]);
}, 60_000);

test('what a restart touched is found without a request: lowered rows, and open rows that nobody rewrote', async () => {
  const other = '005930@2026-01-05T09:05:00.000Z';
  const third = '005930@2026-01-05T09:10:00.000Z';
  const events = [0, 1, 2].map((i) => source(3 + i, { event_time: `2026-01-05T09:${['05', '05', '10'][i]}:00.000Z` }));
  log.push(...events);
  await deliver(begin('a', 1), emit('a', 2), emit('a', 3, { business_key: other }, { coverage: { '0': [3, 4] } }));
  await deliver(begin('b', 1, 5, '2026-01-05T09:05:00.000Z'), emit('b', 2, {}, { coverage: { '0': [0, 2] } }));
  await deliver(
    emit('b', 3, { business_key: third }, { coverage: { '0': [5, 5] }, begins: '2026-01-05T09:10:00.000Z' }),
  );
  expect((await found()).map(({ cap }) => cap)).toEqual(['LOW', 'EVENTUALLY_CONSISTENT', 'EVENTUALLY_CONSISTENT']);
  expect(await worker().run()).toBe(2);
  expect(await found()).toMatchObject([right, { cap: 'HIGH', total: 2 }, { cap: 'EVENTUALLY_CONSISTENT' }]);
  expect(await worker({ limits: { sweepMs: -1 } }).run()).toBe(0);
});

test('a too-late event of a window that nobody has is counted; a late duplicate changes nothing', async () => {
  const late = golden('control.late-dropped');
  const payload = late['calculated_value'] as object;
  const drop = (seq: number, source_offset: number): Message => ({
    ...late,
    run: { id: 'a', subtask: 0 },
    seq,
    business_key: '005930@2026-01-05T09:00:00.000Z',
    calculated_value: { ...payload, kind: 'order_window', source_partition: 0, source_offset },
  });
  await deliver(begin('a', 1), drop(2, 2));
  expect(await found()).toEqual([{ cap: 'LOW', total: null, deleted: true }]);
  await worker().run();
  expect(await found()).toEqual([right]);
  log.push(source(3, { order_id: 'o-1' }));
  await deliver(drop(3, 3));
  expect(await found()).toEqual([{ ...right, cap: 'LOW' }]);
  await worker().run();
  expect(await found()).toEqual([right]);
});

test('what the source no longer has is not claimed, and not tried again by itself', async () => {
  await conflict();
  low = 1n;
  expect(await worker().run()).toBe(1);
  const [row] = await world.rows();
  expect(row).toMatchObject({
    cap: 'LOW',
    reasons: ['NO_CHECKPOINT', 'VIOLATION_VALUE_CONFLICT', 'VIOLATION_SOURCE_EXPIRED'],
  });
  expect(await requests()).toEqual([{ state: 'FAILED', code: 'SOURCE_EXPIRED', by: 'ingest' }]);
  const { rows: events } = await world.pool.query(
    `select reasons from staleness_events where type = 'VIOLATION' order by position desc limit 1`,
  );
  expect(events).toEqual([{ reasons: ['VIOLATION_SOURCE_EXPIRED'] }]);
  expect(await worker().run()).toBe(0);
});

test('a person who asks for what is not in doubt, and out of reach, puts it in no doubt', async () => {
  await deliver(begin('a', 1), emit('a', 2));
  low = 1n;
  const ask = (): Promise<unknown> =>
    world.pool.query(
      `insert into reprocessing_requests (kind, business_key, engine, reason, requested_position, requested_by)
       select kind, business_key, engine, 'x', position, 'person' from results`,
    );
  await ask();
  await worker().run();
  expect(await world.rows()).toMatchObject([{ cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] }]);
  expect(await requests()).toEqual([{ state: 'FAILED', code: 'SOURCE_EXPIRED', by: 'person' }]);
  // Once the source is back, asking again verifies it.
  low = 0n;
  await ask();
  await worker().run();
  expect(await found()).toEqual([right]);
});

test('a verified result that may still change resets its state, behind the answer; a final one does not', async () => {
  await conflict();
  await worker().run();
  expect(resets).toMatchObject([
    { partition: 0, key: '005930', source_partition: 0, up_to: 3, state: { orders_buy: 3 } },
  ]);
  const { rows } = await world.pool.query<{ nonce: string }>('select verification as nonce from results');
  expect(rows).toEqual([{ nonce: resets[0]?.nonce }]);
  const other = { business_key: '005930@2026-01-05T09:05:00.000Z', final: true };
  await deliver(emit('a', 4, other), emit('a', 5, other, { coverage: { '0': [0, 4] }, digest: '7' }));
  await worker().run();
  expect([sent.length, resets.length]).toEqual([2, 1]);
});

test('output that was lost is recomputed: what came after it, and what was open before', async () => {
  const [open, closed] = ['005930@2026-01-05T09:00:00.000Z', '005930@2026-01-05T08:55:00.000Z'];
  const after = '005930@2026-01-05T09:05:00.000Z';
  log.push(source(3, { event_time: '2026-01-05T09:05:00.000Z' }));
  await deliver(
    begin('a', 1),
    emit('a', 2, { business_key: closed, final: true }),
    emit('a', 3, { business_key: open }),
  );
  await deliver(emit('a', 7, { business_key: after }, { coverage: { '0': [3, 3] } }));
  expect(await requests()).toEqual([{ state: 'OPEN', code: null, by: 'ingest' }]);
  expect(await worker().run()).toBe(2);
  expect((await world.rows()).map(({ business_key: key, cap }) => [key, cap])).toEqual([
    [closed, 'EVENTUALLY_CONSISTENT'],
    [open, 'HIGH'],
    [after, 'HIGH'],
  ]);
  expect(await worker({ limits: { sweepMs: -1 } }).run()).toBe(0);
});

test('a source that comes to a halt on the way to its end is not taken for one that holds nothing more', async () => {
  await deliver(begin('a', 1));
  log = Array.from({ length: 40 }, (_, offset) => source(offset));
  await world.pool.query(
    `insert into reprocessing_requests (kind, business_key, engine, reason, requested_position, source_partition, symbol)
     values ('order', 'o-30', 'KAFKA_ONLY', 'x', 1, 0, '005930')`,
  );
  const halts = (): LogConsumer => ({
    async run(handler) {
      await handler.start('orders.events', 0, { low: 0n, high: 40n });
      await handler.handle({ topic: 'orders.events', partition: 0, records: log.slice(0, 2), transactional: false });
    },
    stop: async () => undefined,
  });
  await worker({ consumer: halts, limits: { idleMs: 10 } }).run();
  expect(await requests()).toEqual([{ state: 'OPEN', code: 'REPROCESSING_TIMEOUT', by: 'ingest' }]);
  await world.pool.query('update reprocessing_requests set due_at = now()');
  await worker().run();
  expect(await requests()).toEqual([{ state: 'DONE', code: null, by: 'ingest' }]);
});

test('the beginning that the topic has lost is read from the raw log', async () => {
  await conflict();
  const raw = log.map(({ offset, key, value }): RawRecord => {
    return { partition: 0, offset, predecessor: offset === 0n ? null : offset - 1n, key, value, appendedAtMs: 0 };
  });
  low = 2n;
  const read = async (_: number, from: bigint): Promise<RawRecord[]> => raw.filter(({ offset }) => offset >= from);
  await worker({ rawLog: { read } }).run();
  expect(await found()).toEqual([right]);
});

test('a kind that nobody can recompute is refused with a code', async () => {
  await deliver(begin('a', 1), emit('a', 2, { kind: 'tally', calculated_value: { n: 1 } }));
  await world.pool.query(
    `insert into reprocessing_requests (kind, business_key, engine, reason, requested_position, requested_by)
     select kind, business_key, engine, 'x', position, 'person' from results`,
  );
  await worker().run();
  expect(await requests()).toEqual([{ state: 'FAILED', code: 'KIND_NOT_REPROCESSABLE', by: 'person' }]);
});
