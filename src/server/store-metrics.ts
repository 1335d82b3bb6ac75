/** How far the stores are, and how long a change takes to get there: for Prometheus. */
import { Gauge, Histogram, type Registry } from 'prom-client';
import { within } from '../contract/limit.js';
import type { Micros, Position } from '../position/position.js';
import type { StoreHealth } from '../resolvers/context.js';
import type { Store } from '../words.js';

export interface StoreMetricsDeps {
  readonly statuses: () => Promise<readonly StoreHealth[]>;
  /** The clock, as it was proven just now. */
  readonly prove: () => Promise<{ readonly position: Position; readonly committedAt: Micros }>;
  /** Upper bound of Postgres' time now; null when unknown. */
  readonly now: () => Micros | null;
  /** A read model that is older marks its answers stale. Milliseconds. */
  readonly staleMs: number;
  readonly monotonicMs: () => number;
}

export interface StoreMetrics {
  /** A read model shows these changes from now on. */
  readonly applied: (store: Store, changes: readonly { readonly committedAt: Micros }[]) => void;
}

/** All figures of one scrape come from one look. Milliseconds. */
const LOOK_MS = 250;
const LOOK_LIMIT_MS = 2_000;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

interface Seen {
  readonly stores: readonly StoreHealth[];
  readonly clock: { readonly position: Position; readonly committedAt: Micros } | null;
}

/** What is not known has no sample. */
export function storeMetrics(registry: Registry, deps: StoreMetricsDeps): StoreMetrics {
  const look = shared(deps);
  const gauge = (name: string, help: string, read: (seen: Seen, store: StoreHealth) => number | null): void =>
    void new Gauge({
      name,
      help,
      labelNames: ['store'] as const,
      registers: [registry],
      async collect() {
        const seen = await look();
        this.reset();
        for (const store of seen.stores) {
          const value = read(seen, store);
          if (value !== null) this.set({ store: store.store }, value);
        }
      },
    });
  gauge('tidemark_store_up', '1 while it answers and is not blocked.', (_, { healthy }) => (healthy ? 1 : 0));
  gauge(
    'tidemark_store_applied_position',
    'Every change up to it can be read there. Of Postgres: where the clock stands.',
    ({ clock }, { store, appliedPosition }) => numberOr(store === 'POSTGRES' ? clock?.position : appliedPosition),
  );
  gauge(
    'tidemark_store_staleness_seconds',
    'Upper bound of the age of what it holds, heartbeats included: what its answers claim.',
    ({ clock }, { store, appliedCommittedAt }) => {
      const asOf = store === 'POSTGRES' ? (clock?.committedAt ?? null) : appliedCommittedAt;
      const now = deps.now();
      return asOf === null || now === null || now < asOf ? null : (now - asOf) / 1e6;
    },
  );
  new Gauge({
    name: 'tidemark_store_stale_after_seconds',
    help: 'The bound beyond which answers of a read model are stale (STALE_MS).',
    registers: [registry],
  }).set(deps.staleMs / 1000);
  const latency = new Histogram({
    name: 'tidemark_cdc_latency_seconds',
    help: "From a change's commit in Postgres until it can be read in the store, by Postgres' time: an upper bound.",
    labelNames: ['store'] as const,
    buckets: BUCKETS,
    registers: [registry],
  });
  return {
    applied: (store, changes) => {
      const now = deps.now();
      if (now === null) return;
      for (const { committedAt } of changes) latency.observe({ store }, Math.max(0, now - committedAt) / 1e6);
    },
  };
}

const numberOr = (value: bigint | null | undefined): number | null => (value == null ? null : Number(value));

/** One look at a time, shared for a moment; a look that fails or takes too long shows nothing. */
function shared({ statuses, prove, monotonicMs }: StoreMetricsDeps): () => Promise<Seen> {
  const NOTHING: Seen = { stores: [], clock: null };
  let at = -Infinity;
  let looking: Promise<Seen> = Promise.resolve(NOTHING);
  return () => {
    if (monotonicMs() - at < LOOK_MS) return looking;
    at = monotonicMs();
    const clock = prove().then(
      ({ position, committedAt }) => ({ position, committedAt }),
      () => null,
    );
    const all = Promise.all([statuses(), clock]).then(([stores, own]): Seen => ({ stores, clock: own }));
    looking = within(all, LOOK_LIMIT_MS, () => new Error('no status in time')).catch(() => NOTHING);
    return looking;
  };
}
