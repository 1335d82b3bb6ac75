/**
 * A record of the CDC topic → a decoded part of an accepted transaction. Pure. Debezium for Postgres, JsonConverter
 * without schemas: `{ before, after, source, op, ts_ms }`, where `after` is one row of commit_log.
 */
import { z } from 'zod';
import { AppError, asError } from '../errors.js';
import { micros, position, type Micros, type Position } from '../position/position.js';
import { decodeDocument } from '../stores/document.js';
import type { StoredResult } from '../stores/port.js';

/** One row of commit_log. Its documents stay text until it is known that they are needed. */
export interface Part {
  readonly position: Position;
  /** Number of this part, from 0, of `parts`. */
  readonly part: number;
  readonly parts: number;
  readonly nonce: string;
  readonly predecessor: string;
  readonly incarnation: string;
  readonly committedAt: Micros;
  /** JSON array. */
  readonly documents: string;
  /** How many documents this part holds. */
  readonly documentCount: number;
}

// int64 comes as a number, or as a string if the connector is told so. Beyond 2^53 a JSON number has lost digits.
const int64 = z.union([z.number().int().nonnegative(), z.string().regex(/^\d{1,19}$/)]);
const int32 = z.number().int().nonnegative();

const recordSchema = z.object({
  // The publication holds inserts only, and the connector never snapshots (contract.md §7).
  op: z.literal('c'),
  after: z.object({
    position: int64,
    part: int32,
    parts: int32.positive(),
    nonce: z.string().min(1),
    predecessor: z.string().min(1),
    incarnation: z.string().min(1),
    committed_at_us: int64,
    documents: z.string(),
    document_count: int32,
  }),
});

const invalid = (detail: string, cause?: unknown): AppError =>
  new AppError(
    'CDC_RECORD_INVALID',
    `A record of the CDC topic can't be read, so nothing after it is applied: ${detail}`,
    {
      retryable: false,
      outcome: 'none',
      ...(cause === undefined ? {} : { cause }),
    },
  );

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`${what} is not JSON: ${asError(error).message}`, error);
  }
}

/**
 * The part in a record's value (UTF-8 JSON).
 * @throws AppError CDC_RECORD_INVALID, not retryable: the projection blocks, nothing is skipped
 */
export function decodePart(value: Buffer): Part {
  const parsed = recordSchema.safeParse(parseJson(value.toString('utf8'), 'the value'));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
  }
  const { after } = parsed.data;
  if (after.part >= after.parts) throw invalid(`part ${after.part} of ${after.parts} of position ${after.position}`);
  return {
    position: position(after.position),
    part: after.part,
    parts: after.parts,
    nonce: after.nonce,
    predecessor: after.predecessor,
    incarnation: after.incarnation,
    committedAt: micros(after.committed_at_us),
    documents: after.documents,
    documentCount: after.document_count,
  };
}

/**
 * The documents of a part, with its position and commit time.
 * @throws AppError CDC_RECORD_INVALID when one is malformed, or their number is not the one the writer counted
 */
export function documentsOf(part: Part): StoredResult[] {
  const where = `part ${part.part} of position ${part.position}`;
  const documents = parseJson(part.documents, `documents of ${where}`);
  if (!Array.isArray(documents)) throw invalid(`documents of ${where} are not an array`);
  if (documents.length !== part.documentCount) {
    throw invalid(`${where} holds ${documents.length} documents and says ${part.documentCount}`);
  }
  try {
    return documents.map((document) => decodeDocument(document, part.position, part.committedAt));
  } catch (error) {
    throw invalid(asError(error).message, error);
  }
}
