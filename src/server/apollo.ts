import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { Logger } from 'pino';
import { contractPlugin, type ContractContext } from '../contract/plugin.js';
import type { RequestContext } from '../resolvers/context.js';
import type { Api } from '../resolvers/index.js';
import { executorOf, gatewayOf, type Runner } from './executor.js';
import { errorFormatter } from './errors.js';
import { costPlugin, documentRules } from './limits.js';
import type { Metrics } from './metrics.js';
import type { ServerLimits } from './options.js';
import { stringify } from './outbox.js';

export type GraphQLContext = RequestContext & ContractContext;

/** Apollo Server over the compiled executor, started. It reports to nobody and reads no environment. */
export async function startApollo(
  api: Api,
  run: Runner,
  limits: ServerLimits,
  metrics: Metrics,
  logger: Logger,
  newId: () => string,
): Promise<ApolloServer<GraphQLContext>> {
  const apollo = new ApolloServer<GraphQLContext>({
    gateway: gatewayOf(api.schema, executorOf(run)),
    plugins: [
      ...quiet(),
      costPlugin<GraphQLContext>(api.schema, limits.cost),
      contractPlugin<GraphQLContext>(api.readable, mostWaitMs(limits), metrics.served),
    ],
    validationRules: documentRules(limits),
    parseOptions: { maxTokens: limits.tokens },
    formatError: errorFormatter(logger, newId),
    stringifyResult: stringify,
    introspection: true,
    csrfPrevention: true,
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    nodeEnv: 'production',
    logger,
  });
  await apollo.start();
  return apollo;
}

/** What a request has left for waiting when it also has to read, and to be sent. */
export const mostWaitMs = ({ requestMs, answerMs, proofMs }: ServerLimits): number =>
  Math.max(0, requestMs - 2 * answerMs - proofMs - SPARE_MS);
const SPARE_MS = 200;

/** The default cache-control plugin wraps every resolver (a third of a page's CPU); the others call Apollo's servers. */
const quiet = (): ApolloServerPlugin<GraphQLContext>[] => [
  ApolloServerPluginCacheControlDisabled(),
  ApolloServerPluginLandingPageDisabled(),
  ApolloServerPluginSchemaReportingDisabled(),
  ApolloServerPluginUsageReportingDisabled(),
];
