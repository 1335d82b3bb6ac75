/** An HTTP request in ClickHouse's dialect → a statement. */
import { badArguments } from './errors.js';
import type { Statement } from './engine.js';

/** Parameters of the interface itself; every other name in the URL is a setting of the engine. */
const INTERFACE = new Set([
  'query',
  'query_id',
  'database',
  'default_format',
  'user',
  'password',
  'quota_key',
  'role',
  'compress',
  'decompress',
  'enable_http_compression',
  'buffer_size',
  'wait_end_of_query',
  'stacktrace',
  'close_session',
  'client_protocol_version',
  'cancel_http_readonly_queries_on_client_close',
  'send_progress_in_http_headers',
]);

/** Bounds what one statement may take of the process that all share. */
const DEFAULTS: readonly (readonly [string, string])[] = [
  ['max_memory_usage', '1500000000'],
  ['max_execution_time', '600'],
];

export interface Call {
  readonly queryId: string | undefined;
  /** From the URL; the body is then the data of an INSERT. */
  readonly query: string | undefined;
  readonly compressReply: boolean;
  readonly statement: Omit<Statement, 'sql' | 'leavesTraces'>;
}

/** @throws QueryError for what the bridge does not speak */
export function callOf(url: URL): Call {
  const settings = new Map<string, string>(DEFAULTS);
  const params = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (name.startsWith('param_')) params.set(name.slice('param_'.length), value);
    else if (name === 'session_id') throw badArguments('This bridge keeps no HTTP sessions.');
    else if (!INTERFACE.has(name)) settings.set(name, value);
  }
  const get = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  return {
    queryId: get('query_id'),
    query: get('query'),
    compressReply: ['1', 'true'].includes(get('enable_http_compression') ?? ''),
    statement: { format: get('default_format') ?? 'TabSeparated', settings, params, database: get('database') },
  };
}

/** SET, USE and temporary tables act on the session, and each request is one of its own. */
export const leavesTraces = (sql: string): boolean =>
  /^\s*(SET|USE|CREATE\s+(OR\s+REPLACE\s+)?TEMPORARY)\b/i.test(sql) || /;\s*\S/.test(sql);

/** One row per line, so that a body may be cut at any line end. */
const LINES = /\bFORMAT\s+(JSONEachRow|JSONCompactEachRow|JSONLines|NDJSON|TabSeparated|TSV)\s*;?\s*$/i;
export const isCutAtLines = (query: string): boolean => LINES.test(query);
