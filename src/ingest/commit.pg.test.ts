import { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.js';
import type { LogHandler, LogRecord } from '../log/port.js';
import { decodeDocument, type ResultDocument } from '../stores/document.js';
import { micros, position } from '../position/position.js';
import { startClock } from '../stores/postgres/clock.js';
import { Highest } from '../position/highest.js';
import type { CrashPoint } from './commit.js';
import { beatOnce } from './heartbeat.js';
import type { IngestStore } from './port.js';
import { createPostgresIngestStore } from './postgres.js';
import { createIngest } from './run.js';
import { begin, emit, golden, record, result, TOPIC } from './test-support/world.js';

describe('the ingest transaction', () => {
  let database: TestDatabase;
  let pool: Pool;
  let store: IngestStore;
  let ingest: LogHandler;
  let highest: Highest;
  let stopAt: CrashPoint | null = null;

  beforeEach(async () => {
    database = await createTestDatabase();
    pool = new Pool({ connectionString: database.url, max: 4 });
    await startClock(pool, []);
    stopAt = null;
    highest = new Highest();
    store = createPostgresIngestStore(pool);
    ingest = createIngest({
      store,
      highest,
      engines: new Map([[TOPIC, 'KAFKA_ONLY']]),
      hook: (point) => {
        if (point === stopAt) throw new Error(`stopped at ${point}`);
      },
    });
    await ingest.start(TOPIC, 0, { low: 0n, high: 0n });
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  const deliver = (...records: LogRecord[]): Promise<void> =>
    ingest.handle({ topic: TOPIC, partition: 0, records, transactional: false });
  const rows = async (): Promise<
    { business_key: string; cap: string; reasons: string[]; stale: boolean; run: string; position: string }[]
  > =>
    (await pool.query('select business_key, cap, reasons, stale, run, position from results order by business_key'))
      .rows as never;
  const clock = async (): Promise<string> =>
    (await pool.query<{ position: string }>('select position from commit_clock')).rows[0]?.position ?? '';

  test('stores a result in one position, with its offsets, facts and one commit log row that holds the whole document', async () => {
    await deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
    expect(await rows()).toEqual([
      {
        business_key: result['business_key'],
        cap: 'EVENTUALLY_CONSISTENT',
        reasons: ['NO_CHECKPOINT'],
        stale: false,
        run: 'a',
        position: '1',
      },
    ]);
    const log = await pool.query<{
      position: string;
      part: number;
      parts: number;
      keys: unknown;
      documents: string;
      document_count: number;
      committed_at_us: string;
    }>('select * from commit_log');
    expect(log.rows).toHaveLength(1);
    const [entry] = log.rows;
    expect(entry).toMatchObject({ position: '1', part: 0, parts: 1, document_count: 1 });
    expect(entry?.keys).toEqual([
      ['order_window', result['business_key'], 'KAFKA_ONLY', 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT']],
    ]);
    const [document] = JSON.parse(entry?.documents ?? '[]') as ResultDocument[];
    const decoded = decodeDocument(document, position(1), micros(entry?.committed_at_us ?? '0'));
    expect(decoded.calculatedValue).toEqual(result['calculated_value']);
    const offsets = await pool.query('select next_offset, last_offset from ingest_offsets');
    expect(offsets.rows).toEqual([{ next_offset: '2', last_offset: '1' }]);
  });

  test('a redelivered batch changes nothing and takes no position', async () => {
    await deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
    const before = [await rows(), await clock()];
    await deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
    expect([await rows(), await clock()]).toEqual(before);
  });

  test.each<CrashPoint>(['copied', 'locked', 'written'])(
    'a failure at %s leaves nothing behind, and the redelivery stores all',
    async (point) => {
      stopAt = point;
      await expect(deliver(record(0, begin('a', 1)), record(1, emit('a', 2)))).rejects.toThrow(point);
      expect([await rows(), await clock()]).toEqual([[], '0']);
      stopAt = null;
      await deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
      expect(await rows()).toHaveLength(1);
      expect(await clock()).toBe('1');
    },
  );

  test('a key twice in a batch is written once, with the newest value', async () => {
    const newer = { ...(result['calculated_value'] as object), orders_total: 9 };
    await deliver(
      record(0, begin('a', 1)),
      record(1, emit('a', 2)),
      record(2, emit('a', 3, { calculated_value: newer })),
    );
    const stored = await pool.query<{ n: number; position: string }>(
      `select (calculated_value ->> 'orders_total')::int as n, position from results`,
    );
    expect(stored.rows).toEqual([{ n: 9, position: '1' }]);
  });

  test('two consumers of one partition store each record once', async () => {
    const other = createIngest({ store, highest, engines: new Map([[TOPIC, 'KAFKA_ONLY']]) });
    await other.start(TOPIC, 0, { low: 0n, high: 2n });
    const records = [record(0, begin('a', 1)), record(1, emit('a', 2))];
    const batch = { topic: TOPIC, partition: 0, records, transactional: false };
    await Promise.all([ingest.handle(batch), other.handle(batch)]);
    expect(await clock()).toBe('1');
    expect(await rows()).toHaveLength(1);
  });

  test("a new run's results that may have begun before it are LOW, and the old run's stragglers are refused", async () => {
    const key = (n: number): string => `K@2026-01-05T09:0${n}:00.000Z`;
    const value = (n: number): Record<string, unknown> => ({
      ...(result['calculated_value'] as object),
      window_start: `2026-01-05T09:0${n}:00.000Z`,
    });
    await deliver(
      record(0, begin('a', 1)),
      record(1, emit('a', 2, { business_key: key(1), calculated_value: value(1), final: true })),
      record(2, emit('a', 3, { business_key: key(2), calculated_value: value(2) })),
      record(3, begin('b', 1, 10, '2026-01-05T09:03:30.000Z')),
      record(4, emit('a', 4, { business_key: key(2), calculated_value: value(2) })),
      record(5, emit('b', 2, { business_key: key(3), calculated_value: value(3) })),
      record(6, emit('b', 3, { business_key: key(4), calculated_value: value(4) })),
    );
    expect((await rows()).map(({ business_key, cap, reasons, run }) => [business_key, cap, reasons, run])).toEqual([
      [key(1), 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT'], 'a'],
      // Open, and its run is over: the reader lowers it, by the facts below.
      [key(2), 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT'], 'a'],
      [key(3), 'LOW', ['NO_CHECKPOINT', 'RESTART_DUPLICATION'], 'b'],
      [key(4), 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT'], 'b'],
    ]);
    const refusals = await pool.query('select reason, result_offset::int as o from refusals');
    expect(refusals.rows).toEqual([{ reason: 'RUN_SUPERSEDED', o: 4 }]);
    const facts = await pool.query<{ facts: { assignments: unknown } }>('select facts from pipeline_facts');
    expect(facts.rows[0]?.facts.assignments).toEqual({
      '0': { run: 'b', startOffset: 10, maxEventTimeBefore: '2026-01-05T09:03:30.000Z' },
    });
  });

  test('an order is judged by where it begins: unknown, or before its run, is LOW; a late drop may name its kind', async () => {
    const order = golden('result.order');
    const evidence = order['evidence'] as object;
    const say = (seq: number, business_key: string, begins: string | null): Record<string, unknown> => ({
      ...emit('b', seq, { ...order, run: { id: 'b', subtask: 0 }, seq, business_key }),
      evidence: { ...evidence, coverage: { '0': [20 + seq, 20 + seq] }, begins },
    });
    const before = '2026-01-05T09:03:30.000Z';
    const dropped = golden('control.late-dropped');
    await deliver(
      record(0, begin('b', 1, 10, before)),
      record(1, say(2, 'older', before)),
      record(2, say(3, 'newer', '2026-01-05T09:03:30.001Z')),
      record(3, say(4, 'unknown', null)),
      record(4, {
        ...dropped,
        run: { id: 'b', subtask: 0 },
        seq: 5,
        business_key: 'newer',
        calculated_value: { ...(dropped['calculated_value'] as object), kind: 'anomaly' },
      }),
    );
    const { rows: stored } = await pool.query<{ kind: string; business_key: string; reasons: string[] }>(
      'select kind, business_key, reasons from results order by kind desc, business_key',
    );
    expect(stored.map((row) => [row.kind, row.business_key, row.reasons])).toEqual([
      ['order', 'newer', ['NO_CHECKPOINT']],
      ['order', 'older', ['NO_CHECKPOINT', 'RESTART_DUPLICATION']],
      ['order', 'unknown', ['NO_CHECKPOINT', 'RESTART_DUPLICATION']],
      ['anomaly', 'newer', ['VIOLATION_LATE_DROPPED']],
    ]);
  });

  test('a dropped late event lowers its window, also one that gets its first row later', async () => {
    const dropped = {
      ...golden('control.late-dropped'),
      run: { id: 'a', subtask: 0 },
      seq: 2,
      business_key: result['business_key'],
    };
    await deliver(record(0, begin('a', 1)), record(1, dropped));
    // An absence that something is held against: a row without a value, in the commit log like any other.
    expect(await rows()).toMatchObject([{ cap: 'LOW', reasons: ['VIOLATION_LATE_DROPPED'] }]);
    expect((await pool.query('select deleted, calculated_value from results')).rows).toEqual([
      { deleted: true, calculated_value: {} },
    ]);
    expect((await pool.query('select document_count from commit_log')).rows).toEqual([{ document_count: 1 }]);
    await deliver(record(2, emit('a', 3)));
    expect((await rows())[0]).toMatchObject({ cap: 'LOW', reasons: ['NO_CHECKPOINT', 'VIOLATION_LATE_DROPPED'] });
    expect((await pool.query('select deleted from results')).rows).toEqual([{ deleted: false }]);
    expect((await pool.query('select reason from reprocessing_requests')).rows).toEqual([
      { reason: 'VIOLATION_LATE_DROPPED' },
    ]);
  });

  test('a late update is stale and stays so', async () => {
    await deliver(record(0, begin('a', 1)), record(1, emit('a', 2, { cause: 'LATE' })), record(2, emit('a', 3)));
    expect((await rows())[0]).toMatchObject({
      stale: true,
      cap: 'EVENTUALLY_CONSISTENT',
      reasons: ['NO_CHECKPOINT', 'LATE_UPDATE'],
    });
  });

  test('lost output lowers all that the run emits after it; the facts tell readers to lower what it left open', async () => {
    await deliver(
      record(0, begin('a', 1)),
      record(1, emit('a', 2, { business_key: 'open' })),
      record(2, emit('a', 3, { business_key: 'final', final: true })),
      record(3, emit('a', 5, { business_key: 'after' })),
    );
    expect((await rows()).map(({ business_key, cap, reasons }) => [business_key, cap, reasons])).toEqual([
      ['after', 'LOW', ['NO_CHECKPOINT', 'VIOLATION_OUTPUT_GAP']],
      ['final', 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT']],
      ['open', 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT']],
    ]);
    const facts = await pool.query<{ facts: { gaps: unknown } }>('select facts from pipeline_facts');
    expect(facts.rows[0]?.facts.gaps).toEqual({ 'a/0': 5 });
  });

  test('positions are gapless, chained by nonce, and their commit times only grow, heartbeats included', async () => {
    await deliver(record(0, begin('a', 1)));
    await Promise.all(Array.from({ length: 20 }, () => beatOnce(store, 0, highest)));
    await deliver(record(1, emit('a', 2)));
    const { rows: log } = await pool.query<{
      position: string;
      nonce: string;
      predecessor: string;
      committed_at_us: string;
    }>('select position, nonce, predecessor, committed_at_us from commit_log order by position');
    expect(log.map((entry) => Number(entry.position))).toEqual(log.map((_, index) => index + 1));
    expect(log).toHaveLength(22);
    for (const [before, after] of log.slice(1).map((entry, index) => [log[index], entry] as const)) {
      expect(after.predecessor).toBe(before?.nonce);
      expect(BigInt(after.committed_at_us)).toBeGreaterThan(BigInt(before?.committed_at_us ?? 0));
    }
  });

  test('a resumed partition reads its last record again, and refuses a topic that holds another there', async () => {
    await deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
    expect(await ingest.start(TOPIC, 0, { low: 0n, high: 5n })).toBe(1n);
    await deliver(record(1, emit('a', 2)), record(2, emit('a', 3)));
    expect(await clock()).toBe('2');
    await ingest.start(TOPIC, 0, { low: 0n, high: 5n });
    await expect(deliver(record(2, emit('z', 1)))).rejects.toMatchObject({ code: 'INGEST_GAP', retryable: false });
    await expect(ingest.start(TOPIC, 0, { low: 0n, high: 1n })).rejects.toMatchObject({ code: 'INGEST_GAP' });
    await expect(ingest.start(TOPIC, 0, { low: 9n, high: 12n })).rejects.toMatchObject({ code: 'INGEST_GAP' });
    // Expired after it was consumed: nothing is lost.
    expect(await ingest.start(TOPIC, 0, { low: 3n, high: 3n })).toBe(3n);
  });

  test('a Postgres restored behind what this server has seen takes nothing in until a new incarnation has begun', async () => {
    await deliver(record(0, begin('a', 1)));
    await pool.query('create table copy_clock as table commit_clock');
    await deliver(record(1, emit('a', 2)));
    const seen = highest.mark();
    // Restored: the clock and the offsets stand where they stood at the copy.
    await pool.query('delete from commit_log where position > 1');
    await pool.query('delete from results');
    await pool.query(
      'update commit_clock c set position = o.position, nonce = o.nonce, predecessor = o.predecessor from copy_clock o',
    );
    await expect(deliver(record(2, emit('a', 3)))).rejects.toMatchObject({ code: 'CLOCK_REWOUND', retryable: true });
    await expect(beatOnce(store, 0, highest)).rejects.toMatchObject({
      code: 'CLOCK_REWOUND',
    });
    expect(await rows()).toEqual([]);
    const { forked, incarnation } = await startClock(pool, [], seen?.incarnation);
    expect([forked, incarnation]).toEqual([
      'it was seen to go back while the server ran',
      expect.not.stringMatching(seen?.incarnation ?? ''),
    ]);
    await deliver(record(2, emit('a', 3)));
    expect(await rows()).toHaveLength(1);
  });

  test('offsets that were restored behind this consumer send it back, so that nothing in between is skipped', async () => {
    await deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
    await pool.query('update ingest_offsets set next_offset = 1, last_offset = 0');
    await expect(deliver(record(2, emit('a', 3)))).rejects.toMatchObject({ code: 'INGEST_REWOUND', retryable: true });
    expect(await clock()).toBe('1');
  });
});
