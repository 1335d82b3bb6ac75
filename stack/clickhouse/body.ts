import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { badArguments, QueryError } from './errors.js';

/** Data is handed to the engine in pieces of about this size, each one block of the table. */
export const PIECE_BYTES = 32 * 1024 * 1024;
/** A body that can't be cut must fit into memory. */
const WHOLE_BYTES = 256 * 1024 * 1024;
const NEWLINE = 10;

/** The request's body, decompressed as its header says. */
export function plainBody(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  const decoder = {
    identity: undefined,
    gzip: createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
  }[encoding];
  if (decoder !== undefined) {
    const stream = decoder();
    request.on('error', (error) => stream.destroy(error));
    return request.pipe(stream);
  }
  if (encoding === 'identity') return request;
  throw badArguments(`This bridge does not read ${encoding} bodies.`);
}

/** The body as texts: whole, or cut at line ends into pieces of bounded size. */
export async function* pieces(body: Readable, cut: boolean, pieceBytes = PIECE_BYTES): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    held.push(chunk);
    bytes += chunk.length;
    if (!cut || bytes < pieceBytes) {
      if (bytes > WHOLE_BYTES) throw new QueryError(49, 'TOO_LARGE_BODY', 'The body is larger than 256 MB.');
      continue;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) continue;
    const rest = chunk.subarray(end);
    held[held.length - 1] = chunk.subarray(0, end);
    yield textOf(held);
    held = rest.length > 0 ? [rest] : [];
    bytes = rest.length;
  }
  if (bytes > 0) yield textOf(held);
}

function textOf(chunks: readonly Buffer[]): string {
  const whole = Buffer.concat(chunks);
  if (!isUtf8(whole)) throw badArguments('This bridge reads text formats in UTF-8 only.');
  return whole.toString('utf8');
}
