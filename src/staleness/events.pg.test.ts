/** Events as ingest writes them with the rows that they speak of, and as clients read them. */
import { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import { createPostgresIngestStore } from '../ingest/postgres.js';
import { createIngest } from '../ingest/run.js';
import { begin, emit, record, result, TOPIC } from '../ingest/test-support/world.js';
import type { LogHandler, LogRecord } from '../log/port.js';
import { Highest } from '../position/highest.js';
import { position } from '../position/position.js';
import type { EventQuery } from '../stores/port.js';
import { startClock } from '../stores/postgres/clock.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import { prune } from '../stores/postgres/retention.js';

let database: TestDatabase;
let pool: Pool;
let ingest: LogHandler;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
  await startClock(pool, []);
  ingest = createIngest({
    store: createPostgresIngestStore(pool),
    highest: new Highest(),
    engines: new Map([[TOPIC, 'KAFKA_ONLY']]),
  });
  for (const partition of [0, 1]) await ingest.start(TOPIC, partition, { low: 0n, high: 0n });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

const deliver = (partition: number, ...records: LogRecord[]): Promise<void> =>
  ingest.handle({ topic: TOPIC, partition, records, transactional: false });
const read = (over: Partial<EventQuery> = {}) =>
  createPostgresLedgers(pool).events({ descending: false, limit: 100, ...over });
const told = async (over: Partial<EventQuery> = {}): Promise<unknown[]> =>
  (await read(over)).events.map(({ type, position: at, ordinal }) => [type, Number(at), ordinal]);

test('a run starts once, though it says so in every result partition; a redelivery tells nothing again', async () => {
  await deliver(0, record(0, begin('a', 1)), record(1, emit('a', 2)));
  await deliver(1, record(0, begin('a', 1)));
  await deliver(0, record(0, begin('a', 1)), record(1, emit('a', 2)));
  expect(await told()).toEqual([['RUN_STARTED', 1, 1]]);
  expect((await read()).events[0]).toMatchObject({ run: 'a', kind: null, levelAfter: null, reasons: [] });
});

test('what lowers a row is told in the transaction that lowers it, in the order of the clock', async () => {
  await deliver(0, record(0, begin('a', 1)), record(1, emit('a', 2)));
  await deliver(0, record(2, emit('a', 3, { cause: 'LATE' })));
  await deliver(
    0,
    record(3, emit('a', 4, { evidence: { ...(emit('a', 4)['evidence'] as object), lost: { '0': [7] } } })),
  );
  await deliver(0, record(4, begin('b', 1)), record(5, emit('b', 2)));
  expect(await told()).toEqual([
    ['RUN_STARTED', 1, 1],
    ['LATE_UPDATE', 2, 1],
    ['VIOLATION', 3, 1],
    ['CONFIDENCE_LOWERED', 3, 2],
    ['RUN_STARTED', 4, 1],
  ]);
  const [, late, violation, lowered] = (await read()).events;
  expect(late).toMatchObject({
    kind: 'order_window',
    businessKey: result['business_key'],
    symbol: (result['calculated_value'] as { symbol: string }).symbol,
    levelBefore: 'EVENTUALLY_CONSISTENT',
    levelAfter: 'EVENTUALLY_CONSISTENT',
    reasons: ['LATE_UPDATE'],
  });
  expect([violation?.reasons, lowered?.levelAfter]).toEqual([['VIOLATION_DEAD_LETTER'], 'LOW']);
});

test('events are read from any place on, both ways, by key and by symbol', async () => {
  await deliver(0, record(0, begin('a', 1)), record(1, emit('a', 2)));
  await deliver(0, record(2, emit('a', 3, { cause: 'LATE' })));
  const businessKey = String(result['business_key']);
  expect(await told({ after: { position: position(1), ordinal: 1 } })).toEqual([['LATE_UPDATE', 2, 1]]);
  expect(await told({ descending: true, limit: 1 })).toEqual([['LATE_UPDATE', 2, 1]]);
  expect(await told({ descending: true, after: { position: position(2), ordinal: 1 } })).toEqual([
    ['RUN_STARTED', 1, 1],
  ]);
  expect(await told({ kind: 'order_window', businessKey })).toEqual([['LATE_UPDATE', 2, 1]]);
  expect(await told({ symbol: 'none' })).toEqual([]);
});

test('what is pruned is told to who goes on from there', async () => {
  await deliver(0, record(0, begin('a', 1)), record(1, emit('a', 2)));
  await deliver(0, record(2, emit('a', 3, { cause: 'LATE' })));
  await pool.query('update staleness_events set committed_at_us = 0 where position = 1');
  await prune(pool, position(2), [], { keep: 1000, most: 10_000, days: 1 });
  expect(await told()).toEqual([['LATE_UPDATE', 2, 1]]);
  expect(await read()).toMatchObject({ prunedTo: { position: 1n, ordinal: 1 }, clock: 2n });
  await prune(pool, position(2), [], { keep: 1000, most: 10_000, days: 1 });
  expect((await read()).prunedTo).toEqual({ position: 1n, ordinal: 1 });
});

test('dead letters come newest first, with the beginning of what could not be read', async () => {
  const long = `{"x": "${'é'.repeat(3_000)}`;
  await deliver(0, record(0, 'not json'), record(1, long));
  const [first, second] = await createPostgresLedgers(pool).deadLetters({ limit: 10 });
  expect(first).toMatchObject({ offset: 1n, truncated: true, state: 'OPEN', reportedBy: 'ingest', cause: 'BAD_JSON' });
  expect(first?.payload?.length).toBe(4_096);
  expect(second).toMatchObject({ offset: 0n, truncated: false, payload: Buffer.from('not json') });
  const ledgers = createPostgresLedgers(pool);
  expect((await ledgers.deadLetters({ limit: 1, after: first?.id ?? 0n })).map(({ id }) => id)).toEqual([second?.id]);
  expect(await ledgers.deadLetters({ limit: 10, state: 'DISMISSED' })).toEqual([]);
});
