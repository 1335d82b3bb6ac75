/** The HTTP server: composes what it is given, builds no clients, reads no environment. */
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { AppError, asError } from '../errors.js';
import { Observed } from '../contract/observed.js';
import { within } from '../contract/limit.js';
import { buildApi } from '../resolvers/index.js';
import { startApollo } from './apollo.js';
import { allowOrigins, refuseOpenBind, requireToken, tokenCheck } from './access.js';
import { addConsole } from './console.js';
import { addLabReports } from './lab-reports.js';
import { requestContexts } from './request-context.js';
import { Connections } from './connections.js';
import { errorBody, errorFormatter } from './errors.js';
import { createRunner } from './executor.js';
import { Graphiql } from './graphiql.js';
import { addGraphqlRoute } from './graphql-route.js';
import { addHealth } from './health.js';
import { valuesOf } from './limits.js';
import { registerMetrics, type Metrics } from './metrics.js';
import { createOperations, type Operations } from './operations.js';
import type { AppDeps, Readiness } from './options.js';
import { addSockets, type Sockets } from './sockets.js';
import { addStreams } from './streams.js';

export interface App {
  listen(): Promise<{ readonly url: string }>;
  /** Takes no new requests, lets those under way end within `drainMs`, then cuts the rest. */
  close(): Promise<void>;
}

/**
 * @throws AppError CONFIG_UNSAFE_BIND without a token for an address that others can reach
 * @throws AppError CONTRACT_MISSING when a result type has a field without a contract
 */
export async function createApp(deps: AppDeps): Promise<App> {
  const { config, logger } = deps;
  const { limits } = config;
  refuseOpenBind(config.host, config.token);
  const api = buildApi(deps.kinds, { lab: deps.faults !== undefined });
  const metrics = registerMetrics(deps.registry);
  const run = createRunner(api.schema, { capacity: limits.compiledFields, valuesOf: valuesOf(api.schema) });
  const apollo = await startApollo(api, run, limits, metrics, logger, deps.newId);
  const readModels = [...deps.readers.keys()].filter((store) => store !== 'POSTGRES');
  const observed = new Observed(readModels, deps.monotonicMs, limits.storeCooldownMs);
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    forceCloseConnections: 'idle',
    requestTimeout: limits.requestMs * 2,
  });
  // Only JSON: a form or plain text is what a foreign page can send without asking (CSRF).
  app.removeContentTypeParser('text/plain');
  answerErrors(app, deps);
  if ((config.corsOrigins ?? []).length > 0) await allowOrigins(app, config.corsOrigins ?? []);
  if (config.token !== undefined && config.token !== '') await requireToken(app, config.token);
  let closing = false;
  const readiness = async (): Promise<Readiness> =>
    closing ? { ready: false, reasons: ['shutting down'] } : deps.readiness();
  addHealth(app, readiness, deps.registry);
  await addConsole(app, config.consoleFolder);
  if (deps.faults !== undefined) addLabReports(app, deps.faults);
  const contexts = requestContexts(deps, observed, metrics);
  const format = errorFormatter(logger, deps.newId);
  const operations = createOperations({ api, run, apollo, contexts, limits, metrics, format });
  const subscribers = addSubscribers(app, { config, logger, operations, metrics });
  addGraphqlRoute(app, {
    apollo,
    newContext: () => contexts.create(),
    requestMs: limits.requestMs,
    metrics,
    graphiql: new Graphiql(),
    traces: deps.traces,
  });

  return {
    async listen() {
      return { url: await app.listen({ host: config.host, port: config.port }) };
    },
    async close() {
      closing = true;
      const { feed, changes } = contexts.services;
      // Every subscription ends in its own protocol's way, then its connection.
      await Promise.all([feed.close(), changes.close()]);
      await subscribers.close(limits.drainMs / 2);
      const cut = (): Error => new Error(`requests were still running after ${limits.drainMs} ms`);
      await within(app.close(), limits.drainMs, cut).catch((error: unknown) => {
        logger.warn({ err: asError(error) }, 'connections were cut while closing');
        app.server.closeAllConnections();
      });
      await apollo.stop();
    },
  };
}

function addSubscribers(
  app: FastifyInstance,
  { config, logger, operations, metrics }: Pick<AppDeps, 'config' | 'logger'> & Subscribing,
): Sockets {
  const { limits, token } = config;
  const connections = new Connections(limits.subscriptions);
  metrics.connections(() => connections.open);
  const check = token === undefined || token === '' ? null : tokenCheck(token);
  const { cut } = metrics;
  addStreams(app, { operations, connections, limits, logger, cut });
  const origins = config.corsOrigins ?? [];
  return addSockets(app, { operations, connections, limits, origins, check, logger, cut });
}

interface Subscribing {
  readonly operations: Operations;
  readonly metrics: Metrics;
}

const CODES: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'BAD_REQUEST',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BAD_REQUEST',
};

/** What never reached GraphQL is answered in GraphQL's shape too, with a code and without internals. */
function answerErrors(app: FastifyInstance, { logger, newId }: AppDeps): void {
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .send(errorBody('NOT_FOUND', 'There is /graphql, /graphql/stream, /console, /healthz, /readyz and /metrics.')),
  );
  app.setErrorHandler((error: FastifyError | AppError, _request, reply) => {
    if (error instanceof AppError)
      return reply.code(error.retryable ? 503 : 400).send(errorBody(error.code, error.message));
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(errorBody(CODES[error.code] ?? 'BAD_REQUEST', error.message));
    const id = newId();
    logger.error({ err: error, id }, 'a request failed in a way nobody foresaw');
    return reply
      .code(500)
      .send(errorBody('INTERNAL', `Something failed that should not have. The log has the details under ${id}.`));
  });
}
