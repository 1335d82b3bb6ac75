/** A session over HTTP: five lines to begin with. Needs `fetch` and nothing else. */
import type { GraphQLResponse } from './answer.js';
import { DASHBOARD, type Policy } from './policy.js';
import type { Send } from './read.js';
import { CONSISTENCY_HEADER, headerOf } from './header.js';
import type { Requirement } from './requirement.js';
import { Session, type Answer, type SessionOptions } from './session.js';

export interface ClientOptions extends SessionOptions {
  /** Of the GraphQL endpoint. */
  readonly url: string;
  /** Sent with every request; a function when they change. */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>);
  readonly fetch?: typeof fetch;
  /** Of queries that name none. Default: DASHBOARD. */
  readonly policy?: Policy;
  /** A request that has no answer by then has failed. Milliseconds; default 10,000. */
  readonly timeoutMs?: number;
}

export interface QueryOptions {
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
  readonly policy?: Policy;
  readonly requirement?: Requirement;
  /** Left out: the query and its variables. */
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/** What `awaitIngested` says. */
export interface IngestReceipt {
  /** Events that were not counted and stored in time: later answers may lack them. */
  readonly missing: readonly string[];
  readonly token: string;
}

export interface Client {
  readonly session: Session;
  /** Reads by a policy; see `Session.read`. Rejects only when `signal` says so. */
  query<T = Record<string, unknown>>(query: string, options?: QueryOptions): Promise<Answer<T>>;
  /** One request as it is, with the session's token: for mutations and for what carries no contract. Rejects when no answer comes. */
  request(
    query: string,
    options?: Pick<QueryOptions, 'variables' | 'operationName' | 'requirement' | 'signal'>,
  ): Promise<GraphQLResponse>;
  /**
   * Waits until these source events are counted and stored; from then on every answer of this session reflects them
   * (read-your-writes).
   * @throws Error when the server does not say
   */
  awaitIngested(eventIds: readonly string[], options?: { readonly timeoutMs?: number }): Promise<IngestReceipt>;
}

const AWAIT_INGESTED =
  'query ($ids: [ID!]!, $ms: Int) { awaitIngested(eventIds: $ids, timeoutMs: $ms) { token missing } }';

/** @returns a client with a session of its own */
export function createClient(options: ClientOptions): Client {
  const session = new Session(options);
  const send = (query: string, given: QueryOptions, withToken: boolean): Send => {
    const body = JSON.stringify({ query, variables: given.variables, operationName: given.operationName });
    return (requirement, signal) => post(options, body, withToken ? requirement : {}, signal);
  };
  return {
    session,
    query: (query, given = {}) =>
      session.read(send(query, given, true), {
        policy: given.policy ?? options.policy ?? DASHBOARD,
        key: given.key ?? `${query}\n${JSON.stringify(given.variables ?? {})}`,
        ...(given.requirement && { requirement: given.requirement }),
        ...(given.signal && { signal: given.signal }),
      }),
    request: (query, given = {}) => session.send(send(query, given, true), given.requirement, given.signal),
    async awaitIngested(eventIds, { timeoutMs } = {}) {
      const variables = { ids: eventIds, ms: timeoutMs };
      const response = await send(AWAIT_INGESTED, { variables }, false)({}, undefined);
      const receipt = (response.data as { awaitIngested?: IngestReceipt | null } | null | undefined)?.awaitIngested;
      if (receipt === null || receipt === undefined)
        throw new Error(response.errors?.[0]?.message ?? 'The server did not answer awaitIngested.');
      session.observe(receipt.token);
      return { missing: receipt.missing, token: receipt.token };
    },
  };
}

async function post(
  options: ClientOptions,
  body: string,
  requirement: Requirement,
  signal: AbortSignal | undefined,
): Promise<GraphQLResponse> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error('no answer in time')), options.timeoutMs ?? 10_000);
  const stop = (): void => limit.abort(signal?.reason);
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });
  const demand = headerOf(requirement);
  const own = typeof options.headers === 'function' ? options.headers() : options.headers;
  try {
    const response = await (options.fetch ?? fetch)(options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...own, ...(demand !== '' && { [CONSISTENCY_HEADER]: demand }) },
      body,
      signal: limit.signal,
    });
    // Also of an error: a Tidemark server gives it GraphQL's shape.
    return parse(await response.text(), response.status);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** @throws Error when it is no answer of a GraphQL server */
function parse(text: string, status: number): GraphQLResponse {
  let body: GraphQLResponse | null;
  try {
    body = JSON.parse(text) as GraphQLResponse | null;
  } catch {
    body = null;
  }
  if (typeof body !== 'object' || body === null || !('data' in body || Array.isArray(body.errors)))
    throw new Error(`HTTP ${status}: no GraphQL answer.`);
  return body;
}
