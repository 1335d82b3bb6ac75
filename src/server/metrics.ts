import { collectDefaultMetrics, Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { AdmissionWatch } from '../contract/admission.js';
import type { SharedContract } from '../contract/field.js';

export interface Metrics {
  /** Counts contracts that went out. */
  readonly served: (contract: SharedContract, count: number) => void;
  /** Reads of Postgres: how many there are, and were at most, and those for which there was no room. */
  readonly admission: AdmissionWatch;
  /** Counts a subscriber that was cut because it did not keep up. */
  readonly cut: () => void;
  /** How many connections of subscribers there are is asked when it is read. */
  readonly connections: (count: () => number) => void;
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
  const reads = new Gauge({
    name: 'tidemark_postgres_reads',
    help: 'Reads of results from Postgres that run (at most POSTGRES_POOL) and that wait for their turn (at most POSTGRES_QUEUE).',
    labelNames: ['state'] as const,
    registers: [registry],
  });
  const most = new Gauge({
    name: 'tidemark_postgres_reads_most',
    help: 'The most of them at one time since the server started.',
    labelNames: ['state'] as const,
    registers: [registry],
  });
  const highest = { running: 0, waiting: 0 };
  const requests = new Histogram({
    name: 'tidemark_graphql_request_duration_seconds',
    help: 'From the request line to the last byte handed to the socket.',
    labelNames: ['method', 'status'] as const,
    buckets: BUCKETS,
    registers: [registry],
  });
  const cut = new Counter({
    name: 'tidemark_subscribers_cut_total',
    help: 'Subscribers that were cut because they took events more slowly than they came.',
    registers: [registry],
  });
  return {
    cut: () => cut.inc(),
    connections: (count) =>
      void new Gauge({
        name: 'tidemark_subscriber_connections',
        help: 'WebSockets and event streams that are open.',
        registers: [registry],
        collect() {
          this.set(count());
        },
      }),
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
    admission: {
      refused: () => refused.inc(),
      used: (usage) => {
        for (const state of ['running', 'waiting'] as const) {
          highest[state] = Math.max(highest[state], usage[state]);
          reads.set({ state }, usage[state]);
          most.set({ state }, highest[state]);
        }
      },
    },
    answered: (method, status, seconds) => requests.observe({ method, status: String(status) }, seconds),
  };
}
