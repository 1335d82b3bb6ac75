import { HeaderMap, type ApolloServer, type HTTPGraphQLRequest, type HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../errors.js';
import { within } from '../contract/limit.js';
import type { GraphQLContext } from './apollo.js';
import { errorBody } from './errors.js';
import type { Graphiql } from './graphiql.js';
import type { Metrics } from './metrics.js';
import type { Traces } from '../tracing/traces.js';
import type { Outbox } from './outbox.js';

export interface RouteDeps {
  readonly apollo: ApolloServer<GraphQLContext>;
  readonly newContext: () => GraphQLContext & { readonly outbox: Outbox };
  readonly requestMs: number;
  readonly metrics: Metrics;
  readonly graphiql: Graphiql;
  /** Left out: no traces. */
  readonly traces: Pick<Traces, 'request'> | undefined;
}

/** GET and POST /graphql. A browser that asks for a page gets GraphiQL. */
export function addGraphqlRoute(app: FastifyInstance, deps: RouteDeps): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: (request, reply) =>
      wantsPage(request) ? deps.graphiql.send(request, reply) : answer(deps, request, reply),
    onResponse: (request, reply, done) => {
      deps.metrics.answered(request.method, reply.statusCode, reply.elapsedTime / 1000);
      done();
    },
  });
}

async function answer(deps: RouteDeps, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const context = deps.newContext();
  const execute = (): Promise<HTTPGraphQLResponse> =>
    deps.apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest: toApollo(request), context: async () => context });
  const { traces } = deps;
  const executing = traces === undefined ? execute() : traces.request(request.headers, () => shownBy(context), execute);
  const { status, headers, body } = await within(executing, deps.requestMs, () => tooSlow(deps.requestMs));
  for (const [name, value] of headers) void reply.header(name, value);
  void reply.code(status ?? 200);
  if (body.kind !== 'complete')
    return reply
      .code(406)
      .send(errorBody('INCREMENTAL_UNSUPPORTED', 'Answers are sent in one piece: leave @defer and @stream out.'));
  // Text and socket in one turn: nothing may come between a staleness bound and its sending.
  return reply.send(context.outbox.text(body.string));
}

/** The positions of rows in the answer: of each distinct contract one. */
function* shownBy({ ledger }: GraphQLContext): Iterable<bigint> {
  for (const { contract } of ledger.served()) if (contract.position !== null) yield contract.position;
}

function toApollo(request: FastifyRequest): HTTPGraphQLRequest {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const question = request.url.indexOf('?');
  return {
    method: request.method,
    headers,
    search: question < 0 ? '' : request.url.slice(question),
    body: request.body,
  };
}

const wantsPage = ({ method, headers }: FastifyRequest): boolean =>
  method === 'GET' && headers.accept !== undefined && headers.accept.includes('text/html');

const tooSlow = (limitMs: number): AppError =>
  new AppError('REQUEST_TIMEOUT', `The request was not answered within ${limitMs} ms. Ask for less, or try again.`, {
    retryable: true,
    outcome: 'unknown',
  });
