/**
 * Every statement to ClickHouse goes through here, with its limits on both sides and the settings that the promises rest
 * on. Names are always qualified: the stack's own engine knows no default database.
 */
import {
  ClickHouseError,
  ClickHouseLogLevel,
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
} from '@clickhouse/client';
import { AppError, asError, type Outcome } from '../../errors.js';

export interface ClickhouseLimits {
  /** One read, milliseconds. */
  readonly readMs: number;
  /** One insert of at most CHUNK_BYTES, or one change of the schema, milliseconds. */
  readonly writeMs: number;
  /** A table that was swapped out is dropped no earlier: longer than any reader that still knows it. */
  readonly retireMs: number;
}

export const CLICKHOUSE_LIMITS: ClickhouseLimits = { readMs: 1_500, writeMs: 10_000, retireMs: 30_000 };

/** For the client that main builds. */
export const CLICKHOUSE_CLIENT_OPTIONS = {
  application: 'tidemark',
  // The limits of single calls are shorter.
  request_timeout: 30_000,
  max_open_connections: 10,
  // Below every server's own limit, so that no request meets a connection that is being closed.
  keep_alive: { enabled: true, idle_socket_ttl: 2_000 },
  log: { level: ClickHouseLogLevel.OFF },
} as const satisfies ClickHouseClientConfigOptions;

export interface ClickhousePlace {
  readonly client: ClickHouseClient;
  readonly database: string;
  readonly limits: ClickhouseLimits;
}

/** What a server or a user's profile may have set otherwise. */
const SETTINGS = {
  // Beyond 2^53 a JSON number is no number any more.
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  output_format_decimal_trailing_zeros: 0,
  // An error after the first bytes would look like a short result.
  wait_end_of_query: 1,
  // An insert is answered when it is readable, not when it is queued.
  async_insert: 0,
  // A filter before FINAL would bring replaced rows back.
  optimize_move_to_prewhere_if_final: 0,
  insert_null_as_default: 0,
  mutations_sync: '2',
} as const;

const UNKNOWN_TABLE = [60, 81, 218];
export const TABLE_EXISTS = 57;

/** Codes that speak of the data, not of the server: the same insert will never succeed. */
const REJECTIONS = new Set([6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 349, 407, 469]);

export type Params = Readonly<Record<string, unknown>>;
export type Row = Readonly<Record<string, any>>; // eslint-disable-line @typescript-eslint/no-explicit-any -- JSON as the server wrote it

export const positionUnknown = (detail: string, cause?: unknown): AppError =>
  new AppError('POSITION_UNKNOWN', `ClickHouse: ${detail}`, {
    retryable: true,
    outcome: 'none',
    ...(cause === undefined ? {} : { cause }),
  });

export const storeConflict = (detail: string): AppError =>
  new AppError('STORE_CONFLICT', `ClickHouse: ${detail}`, { retryable: true, outcome: 'none' });

export const changeRejected = (detail: string, cause?: unknown): AppError =>
  new AppError('CHANGE_REJECTED', `ClickHouse refuses a document, so nothing after it is applied: ${detail}`, {
    retryable: false,
    outcome: 'none',
    ...(cause === undefined ? {} : { cause }),
  });

export const codeOf = (error: unknown): number | null =>
  error instanceof ClickHouseError ? Number(error.code) : error instanceof AppError ? codeOf(error.cause) : null;

function failure(error: Error, outcome: Outcome, carriesData: boolean): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code !== null && UNKNOWN_TABLE.includes(code)) return positionUnknown('a table of it was dropped', error);
  if (code !== null && carriesData && REJECTIONS.has(code)) return changeRejected(error.message, error);
  const message = `ClickHouse: ${error.message || error.name}`;
  return new AppError('STORE_UNAVAILABLE', message, { retryable: true, outcome, cause: error });
}

async function limited<T>(
  limitMs: number,
  outcome: Outcome,
  carriesData: boolean,
  work: (signal: AbortSignal, settings: Record<string, string | number>) => Promise<T>,
): Promise<T> {
  try {
    const signal = AbortSignal.timeout(limitMs + 500);
    return await work(signal, { ...SETTINGS, max_execution_time: Math.ceil(limitMs / 1_000) });
  } catch (error) {
    throw failure(asError(error), outcome, carriesData);
  }
}

/** @throws AppError STORE_UNAVAILABLE or POSITION_UNKNOWN (a table is gone), both retryable */
export const query = ({ client, limits }: ClickhousePlace, sql: string, params: Params = {}): Promise<Row[]> =>
  limited(limits.readMs, 'none', false, async (abort_signal, clickhouse_settings) => {
    const result = await client.query({
      query: sql,
      query_params: { ...params },
      format: 'JSONEachRow',
      clickhouse_settings,
      abort_signal,
    });
    return result.json<Row>();
  });

/** A statement without rows: schema, or an INSERT from a SELECT. Its effect is on disk when it is answered. */
export const command = ({ client, limits }: ClickhousePlace, sql: string, params: Params = {}): Promise<void> =>
  limited(limits.writeMs, 'unknown', false, async (abort_signal, clickhouse_settings) => {
    await client.command({ query: sql, query_params: { ...params }, clickhouse_settings, abort_signal });
  });

/** @throws AppError CHANGE_REJECTED when the server refuses a row; POSITION_UNKNOWN or STORE_UNAVAILABLE */
export const insert = (
  { client, limits }: ClickhousePlace,
  table: string,
  columns: readonly string[],
  rows: readonly Row[],
): Promise<void> =>
  limited(limits.writeMs, 'unknown', true, async (abort_signal, clickhouse_settings) => {
    const [first, ...others] = columns;
    if (first === undefined || rows.length === 0) return;
    await client.insert({
      table,
      columns: [first, ...others],
      values: [...rows],
      format: 'JSONEachRow',
      clickhouse_settings,
      abort_signal,
    });
  });
