import type { Config } from './config.js';
import { DEFAULT_LIMITS, type ServerLimits } from './server/options.js';

/** The limits of the API, as they are configured. */
export const limitsOf = (config: Config): ServerLimits => ({
  ...DEFAULT_LIMITS,
  bodyBytes: config.MAX_BODY_BYTES,
  requestMs: config.REQUEST_TIMEOUT_MS,
  proofMs: config.PROOF_TIMEOUT_MS,
  drainMs: (config.DRAIN_TIMEOUT_MS * 3) / 4,
  postgresReads: config.POSTGRES_POOL,
  postgresQueue: config.POSTGRES_QUEUE,
  subscriptions: {
    ...DEFAULT_LIMITS.subscriptions,
    connections: config.SUBSCRIPTION_CONNECTIONS,
    perCaller: config.SUBSCRIPTION_CONNECTIONS_PER_CALLER,
    perConnection: config.SUBSCRIPTIONS_PER_CONNECTION,
    buffer: config.SUBSCRIPTION_BUFFER,
    slowMs: config.SUBSCRIPTION_SLOW_MS,
  },
});
