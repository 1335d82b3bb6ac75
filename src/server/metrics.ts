import { collectDefaultMetrics, Counter, Histogram, type Registry } from 'prom-client';
import type { SharedContract } from '../contract/field.js';

export interface Metrics {
  /** Counts contracts that went out. */
  readonly served: (contract: SharedContract, count: number) => void;
  /** Counts a read of Postgres for which there was no room. */
  readonly refused: () => void;
  /** Observes one answered GraphQL request. */
  readonly answered: (method: string, status: number, seconds: number) => void;
}

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Registers the process' metrics and the server's own. */
export function registerMetrics(registry: Registry): Metrics {
  collectDefaultMetrics({ register: registry });
  const levels = new Counter({
    name: 'tidemark_contracts_served_total',
    help: 'Contracts of rows, nulls and sets sent to clients.',
    labelNames: ['level', 'scope', 'store', 'engine'] as const,
    registers: [registry],
  });
  const refused = new Counter({
    name: 'tidemark_postgres_reads_refused_total',
    help: 'Reads of results from Postgres for which there was no room (POSTGRES_POOL, POSTGRES_QUEUE).',
    registers: [registry],
  });
  const requests = new Histogram({
    name: 'tidemark_graphql_request_duration_seconds',
    help: 'From the request line to the last byte handed to the socket.',
    labelNames: ['method', 'status'] as const,
    buckets: BUCKETS,
    registers: [registry],
  });
  return {
    served: (contract, count) =>
      levels.inc(
        {
          level: contract.confidenceLevel,
          scope: contract.consistencyScope,
          store: contract.servedBy,
          engine: contract.processingEngine,
        },
        count,
      ),
    refused: () => refused.inc(),
    answered: (method, status, seconds) => requests.observe({ method, status: String(status) }, seconds),
  };
}
