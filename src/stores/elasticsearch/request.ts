/**
 * Every request to Elasticsearch goes through here: one try each, with a limit, and with what went wrong as an error of
 * a stable code. Retrying is the projection's and the reader's business, not the client's.
 */
import { errors, type Client, type ClientOptions } from '@elastic/elasticsearch';
import { AppError, asError, type Outcome } from '../../errors.js';

export interface ElasticLimits {
  /** One read, milliseconds. */
  readonly readMs: number;
  /** One write of at most CHUNK_BYTES, milliseconds. */
  readonly writeMs: number;
  /** While something has changed, the index is refreshed so often: what a search sees is about this old. Milliseconds. */
  readonly refreshMs: number;
  /** An index that was swapped out is deleted no earlier: longer than any reader that still knows it. */
  readonly retireMs: number;
}

export const ELASTIC_LIMITS: ElasticLimits = { readMs: 1_500, writeMs: 10_000, refreshMs: 300, retireMs: 30_000 };

/** For the client that main builds. */
export const ELASTIC_CLIENT_OPTIONS = {
  maxRetries: 0,
  sniffOnStart: false,
  // A field of calculated_value may be called __proto__: JSON.parse makes it an own property, and nobody merges it.
  disablePrototypePoisoningProtection: true,
} as const satisfies ClientOptions;

export interface ElasticPlace {
  readonly client: Client;
  /** Of the names of all our indices and of their template. */
  readonly prefix: string;
  readonly limits: ElasticLimits;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of the server; the conformance suite holds what is read from it
export type Json = any;

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: object;
  /** Newline-delimited JSON. */
  readonly lines?: string;
}

export const positionUnknown = (detail: string, cause?: unknown): AppError =>
  new AppError('POSITION_UNKNOWN', `Elasticsearch: ${detail}`, {
    retryable: true,
    outcome: 'none',
    ...(cause === undefined ? {} : { cause }),
  });

export const storeConflict = (detail: string): AppError =>
  new AppError('STORE_CONFLICT', `Elasticsearch: ${detail}`, { retryable: true, outcome: 'none' });

export const changeRejected = (detail: string): AppError =>
  new AppError('CHANGE_REJECTED', `Elasticsearch refuses a document, so nothing after it is applied: ${detail}`, {
    retryable: false,
    outcome: 'none',
  });

export const unavailable = (detail: string, outcome: Outcome, cause?: unknown): AppError =>
  new AppError('STORE_UNAVAILABLE', `Elasticsearch: ${detail}`, {
    retryable: true,
    outcome,
    ...(cause === undefined ? {} : { cause }),
  });

/** What the server said of one document or request. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly reason: string;
}

/** Also when auto-creation is forbidden: then the index is as little there. */
export const isIndexMissing = ({ type }: Refusal): boolean => type === 'index_not_found_exception';

export const refusalError = (refusal: Refusal, outcome: Outcome, cause?: unknown): AppError =>
  isIndexMissing(refusal)
    ? positionUnknown('its index is gone', cause)
    : unavailable(`${refusal.type}: ${refusal.reason}`, outcome, cause);

/** The server's refusal of a whole request, thrown as the cause of the AppError. */
export function refusalOf(error: unknown): Refusal | null {
  const cause = error instanceof AppError ? error.cause : error;
  if (!(cause instanceof errors.ResponseError)) return null;
  const body = cause.body;
  const { type, reason } = body?.error ?? {};
  return { status: cause.statusCode ?? 0, type: String(type ?? 'unknown'), reason: String(reason ?? cause.message) };
}

/**
 * @throws AppError STORE_UNAVAILABLE, or POSITION_UNKNOWN when the index of the path is gone; both retryable
 * @param outcome of a failure after which nobody knows what the server has done
 */
export async function call(
  { client }: ElasticPlace,
  { method, path, query, body, lines }: Request,
  limitMs: number,
  outcome: Outcome = 'none',
): Promise<Json> {
  const querystring = Object.fromEntries(Object.entries(query ?? {}).map(([name, value]) => [name, String(value)]));
  const params = {
    method,
    path,
    querystring,
    ...(body === undefined ? {} : { body }),
    ...(lines === undefined ? {} : { bulkBody: lines }),
  };
  try {
    return await client.transport.request(params, { requestTimeout: limitMs, maxRetries: 0 });
  } catch (thrown) {
    const error = asError(thrown);
    const refusal = refusalOf(error);
    if (refusal === null) throw unavailable(error.message, outcome, error);
    throw refusalError(refusal, refusal.status < 500 ? 'none' : outcome, error);
  }
}
