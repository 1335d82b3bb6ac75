/**
 * Every command to MongoDB goes through here: as a raw command, because only those take `collectionUUID`, and with a
 * limit on both sides. The driver's own `timeoutMS` has no effect on raw commands (7.8: a stopped mongod held one for
 * 36 s), an abort signal has.
 */
import { Long, MongoServerError, type ClientSession, type Db, type Document, type MongoClientOptions } from 'mongodb';
import { AppError, asError, type Outcome } from '../../errors.js';

export interface MongoLimits {
  /** One read command, milliseconds. */
  readonly readMs: number;
  /** One write command of at most CHUNK_BYTES, milliseconds. */
  readonly writeMs: number;
  /** A collection that was swapped out is dropped no earlier: longer than any reader that still knows it. */
  readonly retireMs: number;
}

export const MONGO_LIMITS: MongoLimits = { readMs: 1_500, writeMs: 10_000, retireMs: 30_000 };

/** For the client that main builds. Retries are ours: they are bounded by the same limits as the first try. */
export const MONGO_CLIENT_OPTIONS = {
  serverSelectionTimeoutMS: 1_500,
  connectTimeoutMS: 1_500,
  heartbeatFrequencyMS: 2_000,
  readPreference: 'primary',
  w: 'majority',
} as const satisfies MongoClientOptions;

export const MAJORITY_READ = { level: 'majority' } as const;

/** Server code: the collection of this name is gone, or is another one. */
const COLLECTION_UUID_MISMATCH = 361;
export const DUPLICATE_KEY = 11_000;
export const NAMESPACE_EXISTS = 48;

/** Codes that speak of the document, not of the server: the same write will never succeed. */
const REJECTIONS = new Set([2, 9, 14, 15, 22, 52, 55, 56, 57, 121, 171, 10_334, 17_280, 17_419, 17_420]);

export interface WriteError {
  readonly index: number;
  readonly code: number;
  readonly errmsg: string;
}

export const positionUnknown = (detail: string, cause?: unknown): AppError =>
  new AppError('POSITION_UNKNOWN', `MongoDB: ${detail}`, {
    retryable: true,
    outcome: 'none',
    ...(cause === undefined ? {} : { cause }),
  });

export const storeConflict = (detail: string): AppError =>
  new AppError('STORE_CONFLICT', `MongoDB: ${detail}`, { retryable: true, outcome: 'none' });

export const changeRejected = (detail: string, cause?: unknown): AppError =>
  new AppError('CHANGE_REJECTED', `MongoDB refuses a document, so nothing after it is applied: ${detail}`, {
    retryable: false,
    outcome: 'none',
    ...(cause === undefined ? {} : { cause }),
  });

/** What the server said of one document or command, as an error with a stable code. */
export function serverRefusal(code: number, message: string, outcome: Outcome, cause?: unknown): AppError {
  if (code === COLLECTION_UUID_MISMATCH) return positionUnknown('its collection was dropped or replaced', cause);
  if (REJECTIONS.has(code)) return changeRejected(message, cause);
  return new AppError('STORE_UNAVAILABLE', `MongoDB: ${message}`, { retryable: true, outcome, cause });
}

function failure(error: Error, outcome: Outcome): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof MongoServerError && typeof error.code === 'number') {
    return serverRefusal(error.code, error.message, outcome, error);
  }
  // Thrown before anything is sent: the document has no BSON form.
  if (error.name === 'BSONError' || error instanceof RangeError) return changeRejected(error.message, error);
  return new AppError('STORE_UNAVAILABLE', `MongoDB: ${error.message}`, { retryable: true, outcome, cause: error });
}

/**
 * @param limitMs of the command on the server, and half a second later of the wait for its answer
 * @throws AppError STORE_UNAVAILABLE, POSITION_UNKNOWN (collection gone or replaced) or CHANGE_REJECTED
 */
export async function command(
  db: Db,
  body: Document,
  limitMs: number,
  { session, outcome = 'none' }: { session?: ClientSession; outcome?: Outcome } = {},
): Promise<Document> {
  try {
    const signal = AbortSignal.timeout(limitMs + 500);
    return await db.command({ ...body, maxTimeMS: limitMs }, { signal, ...(session === undefined ? {} : { session }) });
  } catch (error) {
    throw failure(asError(error), outcome);
  }
}

/** A write command that waits for the majority; the errors of single documents are returned. */
export async function write(db: Db, body: Document, limitMs: number, session?: ClientSession): Promise<Document> {
  const writeConcern = { w: 'majority', wtimeout: limitMs };
  const with_ = session === undefined ? {} : { session };
  return command(db, { ...body, writeConcern }, limitMs, { ...with_, outcome: 'unknown' });
}

/** All documents of a find: a reply ends at 16 MB, and what is cut off there must not look absent. */
export async function findAll(db: Db, find: Document, limitMs: number, session: ClientSession): Promise<Document[]> {
  let { cursor } = await command(db, { ...find, readConcern: MAJORITY_READ }, limitMs, { session });
  const found: Document[] = cursor.firstBatch;
  while (String(cursor.id) !== '0') {
    const more = { getMore: Long.fromString(String(cursor.id)), collection: find['find'] };
    ({ cursor } = await getMore(db, more, limitMs, session));
    found.push(...cursor.nextBatch);
  }
  return found;
}

/** The server takes no maxTimeMS on the getMore of an ordinary cursor: only our wait is limited. */
async function getMore(db: Db, body: Document, limitMs: number, session: ClientSession): Promise<Document> {
  try {
    return await db.command(body, { signal: AbortSignal.timeout(limitMs + 500), session });
  } catch (error) {
    throw failure(asError(error), 'none');
  }
}
