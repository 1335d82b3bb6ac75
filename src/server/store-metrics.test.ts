import { Registry } from 'prom-client';
import { position, type Micros } from '../position/position.js';
import type { StoreHealth } from '../resolvers/context.js';
import { storeMetrics, type StoreMetricsDeps } from './store-metrics.js';
import { committedAt } from './testing/fake-store.js';

const health = (over: Partial<StoreHealth>): StoreHealth => ({
  store: 'MONGODB',
  healthy: true,
  appliedPosition: position(90),
  appliedCommittedAt: committedAt(90),
  detail: null,
  ...over,
});

interface World {
  stores: readonly StoreHealth[];
  now: Micros | null;
  failing: boolean;
  looks: number;
  atMs: number;
}

function world(): {
  readonly world: World;
  readonly registry: Registry;
  readonly metrics: ReturnType<typeof storeMetrics>;
} {
  const registry = new Registry();
  const postgres = health({ store: 'POSTGRES', appliedPosition: null, appliedCommittedAt: null });
  const own: World = { stores: [postgres, health({})], now: committedAt(101), failing: false, looks: 0, atMs: 0 };
  const deps: StoreMetricsDeps = {
    statuses: async () => {
      own.looks += 1;
      if (own.failing) throw new Error('down');
      return own.stores;
    },
    prove: async () => {
      if (own.failing) throw new Error('down');
      return { position: position(100), committedAt: committedAt(100) };
    },
    now: () => own.now,
    staleMs: 5_000,
    monotonicMs: () => own.atMs,
  };
  return { world: own, registry, metrics: storeMetrics(registry, deps) };
}

const samples = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test('each store has its position and the age that its answers claim, of one look per scrape; the bound stands beside', async () => {
  const { world: own, registry } = world();
  expect(await samples(registry)).toEqual([
    'tidemark_store_up{store="POSTGRES"} 1',
    'tidemark_store_up{store="MONGODB"} 1',
    'tidemark_store_applied_position{store="POSTGRES"} 100',
    'tidemark_store_applied_position{store="MONGODB"} 90',
    'tidemark_store_staleness_seconds{store="POSTGRES"} 1',
    'tidemark_store_staleness_seconds{store="MONGODB"} 11',
    'tidemark_store_stale_after_seconds 5',
  ]);
  expect(own.looks).toBe(1);
});

test('what is not known has no sample, and nothing of before stays', async () => {
  const { world: own, registry } = world();
  await samples(registry);
  own.atMs = 1_000;
  own.now = null;
  own.stores = [health({ healthy: false, appliedPosition: null, appliedCommittedAt: null })];
  expect(await samples(registry)).toEqual([
    'tidemark_store_up{store="MONGODB"} 0',
    'tidemark_store_stale_after_seconds 5',
  ]);
  own.atMs = 2_000;
  own.failing = true;
  expect(await samples(registry)).toEqual(['tidemark_store_stale_after_seconds 5']);
});

test('how long changes took is counted per store, by Postgres’ time; without it nothing is', async () => {
  const { world: own, registry, metrics } = world();
  metrics.applied('MONGODB', [{ committedAt: committedAt(100) }, { committedAt: committedAt(102) }]);
  own.now = null;
  metrics.applied('MONGODB', [{ committedAt: committedAt(50) }]);
  const lines = (await samples(registry)).filter((line) => line.startsWith('tidemark_cdc_latency_seconds_'));
  expect(lines.filter((line) => /_(sum|count)/.test(line))).toEqual([
    'tidemark_cdc_latency_seconds_sum{store="MONGODB"} 1',
    'tidemark_cdc_latency_seconds_count{store="MONGODB"} 2',
  ]);
});
