/**
 * ClickHouse's HTTP interface over chdb, as far as @clickhouse/client speaks it. For development and tests on one machine;
 * production names a ClickHouse server by CLICKHOUSE_URL instead.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import { promisify } from 'node:util';
import { pieces, plainBody } from './body.js';
import type { ChdbResult } from './chdb.js';
import type { Engine } from './engine.js';
import { badArguments, isFatal, overloaded, queryError, statusOf } from './errors.js';
import { callOf, isCutAtLines, leavesTraces, type Call } from './request.js';

const HOST = '127.0.0.1';
/** Query parameters travel in the URL. */
const MAX_HEADER_BYTES = 1024 * 1024;
const compress = promisify(gzip);

export interface BridgeOptions {
  readonly engine: Engine;
  readonly port: number;
  /** The engine is beyond repair: the process must end and be started again. */
  readonly onFatal: (error: Error) => void;
  readonly log: (sentence: string) => void;
}

export interface Bridge {
  readonly port: number;
  /** Takes no more requests and waits for the running ones, at most `limitMs`. */
  stop(limitMs: number): Promise<void>;
}

interface Outcome {
  readonly body: Uint8Array;
  readonly summary: { readonly read_rows: string; readonly read_bytes: string; readonly written_rows: string };
}

export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { engine } = options;
  let stopping = false;
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    const refusal = stopping ? overloaded('The server is shutting down.') : strangers(request);
    const work = refusal === undefined ? answer(options, request, response) : fail(options, response, refusal);
    work.catch((error: unknown) => {
      // The client has gone away in the middle of its reply.
      options.log(`a reply was cut off: ${String(error)}`);
      response.destroy();
    });
  });
  // A large insert may come slowly; the client's own limits apply.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 15_000;
  await listen(server, options.port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async stop(limitMs) {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const end = performance.now() + limitMs;
      while (engine.busy > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
      engine.close();
      setTimeout(() => server.closeAllConnections(), 200).unref();
      await closed;
    },
  };
}

/** There are no passwords here, so a web page that a browser has open must not get in. */
function strangers({ headers }: IncomingMessage): Error | undefined {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (headers.origin === undefined && [HOST, 'localhost'].includes(host)) return undefined;
  return badArguments('Only programs of this machine are served.');
}

async function answer(options: BridgeOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', `http://${HOST}`);
  if (request.method === 'GET' && (url.pathname === '/ping' || (url.pathname === '/' && url.search === ''))) {
    response.end('Ok.\n');
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let queryId = '';
  try {
    const call = callOf(url);
    queryId = call.queryId ?? randomUUID();
    const { body, summary } = await run(options.engine, call, request, gone.signal);
    const zipped = call.compressReply && (request.headers['accept-encoding'] ?? '').includes('gzip');
    const bytes = zipped ? await compress(body) : body;
    response.writeHead(200, {
      ...headersOf(queryId),
      'Content-Length': bytes.length,
      'Content-Type': 'text/plain; charset=UTF-8',
      'X-ClickHouse-Format': call.statement.format,
      'X-ClickHouse-Summary': JSON.stringify(summary),
      ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
    });
    response.end(bytes);
  } catch (error) {
    request.resume();
    await fail(options, response, error, queryId);
  }
}

const headersOf = (queryId: string): Record<string, string> => ({
  'X-ClickHouse-Query-Id': queryId,
  'X-ClickHouse-Server-Display-Name': 'tidemark-chdb-bridge',
  'X-ClickHouse-Timezone': 'UTC',
});

async function fail(options: BridgeOptions, response: ServerResponse, thrown: unknown, queryId = ''): Promise<void> {
  const error = queryError(thrown);
  if (isFatal(error.code)) options.onFatal(error);
  if (response.headersSent) throw error;
  response.writeHead(statusOf(error.code), {
    ...headersOf(queryId),
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Exception-Code': String(error.code),
    ...(error.code === 202 ? { 'Retry-After': '1' } : {}),
  });
  response.end(`${error.message}\n`);
}

async function run(engine: Engine, call: Call, request: IncomingMessage, signal: AbortSignal): Promise<Outcome> {
  const cut = call.query !== undefined && isCutAtLines(call.query);
  const total = { readRows: 0, readBytes: 0, writtenRows: 0 };
  let last: ChdbResult | undefined;
  const take = async (sql: string, data: string | undefined): Promise<void> => {
    const statement = {
      ...call.statement,
      sql: data === undefined ? sql : `${sql}\n${data}`,
      leavesTraces: leavesTraces(sql),
    };
    last = await engine.run(statement, signal);
    total.readRows += last.rowsRead;
    total.readBytes += last.bytesRead;
    if (data !== undefined && cut) total.writtenRows += linesIn(data);
  };
  let parts = 0;
  if (request.method !== 'GET') {
    for await (const text of pieces(plainBody(request), cut)) {
      if (text.trim() === '') continue;
      parts += 1;
      if (call.query === undefined) await take(text, undefined);
      else await take(call.query, text);
    }
  }
  // An INSERT without rows is a success; the engine would miss its data.
  if (parts === 0 && call.query !== undefined && !/\bFORMAT\s+\w+\s*$/i.test(insertOf(call.query)))
    await take(call.query, undefined);
  if (parts === 0 && call.query === undefined) throw badArguments('The request holds no query.');
  return {
    body: last?.bytes() ?? new Uint8Array(),
    summary: {
      read_rows: String(total.readRows),
      read_bytes: String(total.readBytes),
      written_rows: String(total.writtenRows),
    },
  };
}

const insertOf = (query: string): string => (/^\s*INSERT\b/i.test(query) ? query : '');

function linesIn(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines + (text.endsWith('\n') ? 0 : 1);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
