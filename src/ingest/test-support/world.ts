/** Ingest on a database of its own, and records of a result topic to feed it. */
import { readFileSync } from 'node:fs';
import { Pool } from 'pg';
import { createTestDatabase } from '../../../test/harness/postgres.js';
import type { LogHandler, LogRecord } from '../../log/port.js';
import { Highest } from '../../position/highest.js';
import { startClock } from '../../stores/postgres/clock.js';
import { createPostgresIngestStore } from '../postgres.js';
import { createIngest, type IngestOptions } from '../run.js';

export const TOPIC = 'results.kafka-only';
export const PIPELINE = 'orders-kafka-only';
export type Message = Record<string, unknown>;

export const golden = (name: string): Message =>
  JSON.parse(readFileSync(new URL(`../../../wire/golden/${name}.json`, import.meta.url), 'utf8')) as Message;
const assignment = golden('control.assignment');
export const result = golden('result.kafka-only');

export const record = (offset: number, value: unknown, key: string | null = 'k'): LogRecord => ({
  offset: BigInt(offset),
  key,
  value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  timestampMs: 0,
});

/** The golden assignment: a run that began at the first record of the source, or at `start` behind events up to `before`. */
export const begin = (run: string, seq: number, start = 0, before: string | null = null): Message => ({
  ...assignment,
  run: { id: run, subtask: 0 },
  seq,
  calculated_value: {
    source_topic: 'orders.events',
    source_partition: 0,
    start_offset: start,
    log_start_offset: 0,
    max_event_time_before: before,
  },
});

export const emit = (run: string, seq: number, over: Message = {}, evidence: Message = {}): Message => ({
  ...result,
  run: { id: run, subtask: 0 },
  seq,
  final: false,
  evidence: {
    events: 3,
    digest: '1',
    duplicates_dropped: 0,
    coverage: { '0': [0, seq] },
    max_event_time: '2026-01-05T09:00:01.000Z',
    ...evidence,
  },
  ...over,
});

/** What the engine says of a source record that it could not decode. */
export const reported = (
  run: string,
  seq: number,
  offset: number,
  key: string | null,
  payload = '{"broken',
): Message => ({
  ...golden('control.dead-letter'),
  run: { id: run, subtask: 0 },
  seq,
  business_key: `orders.events/0/${offset}`,
  calculated_value: {
    source_topic: 'orders.events',
    source_partition: 0,
    source_offset: offset,
    kafka_key: key,
    cause: 'BAD_JSON',
    message: 'the value is not JSON',
    payload_base64: Buffer.from(payload).toString('base64'),
    truncated: false,
  },
});

export const heartbeat = (run: string, seq: number, nextOffset: number): Message => ({
  ...golden('control.heartbeat'),
  run: { id: run, subtask: 0 },
  seq,
  calculated_value: { state: 'RUNNING', sources: { '0': { next_offset: nextOffset, append_time: null } } },
});

export interface Row {
  readonly business_key: string;
  readonly cap: string;
  readonly reasons: readonly string[];
}

export interface World {
  readonly pool: Pool;
  readonly highest: Highest;
  readonly ingest: LogHandler;
  /** Another server on the same database. */
  another(options?: Partial<IngestOptions>): Promise<LogHandler>;
  deliver(...records: readonly LogRecord[]): Promise<void>;
  rows(): Promise<readonly Row[]>;
  clock(): Promise<number>;
  close(): Promise<void>;
}

export async function createWorld(options: Partial<IngestOptions> = {}): Promise<World> {
  const database = await createTestDatabase();
  const pool = new Pool({ connectionString: database.url, max: 6 });
  await startClock(pool, []);
  const highest = new Highest();
  const another = async (over: Partial<IngestOptions> = {}): Promise<LogHandler> => {
    const store = createPostgresIngestStore(pool);
    const ingest = createIngest({ store, highest, engines: new Map([[TOPIC, 'KAFKA_ONLY']]), ...over });
    await ingest.start(TOPIC, 0, { low: 0n, high: 1_000n });
    return ingest;
  };
  const ingest = await another(options);
  return {
    pool,
    highest,
    ingest,
    another,
    deliver: (...records) => ingest.handle({ topic: TOPIC, partition: 0, records, transactional: false }),
    rows: async () =>
      (await pool.query<Row>('select business_key, cap, reasons from results order by business_key')).rows,
    clock: async () =>
      Number((await pool.query<{ position: string }>('select position from commit_clock')).rows[0]?.position),
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}
