import { Registry } from 'prom-client';
import type { Trouble, WatchedConsumer } from '../log/port.js';
import { troubleMetrics } from './trouble-metrics.js';

test('each partition in trouble has a sample of its own, a consumer that reads nothing has *, and both end with the trouble', async () => {
  const registry = new Registry();
  let troubles: Trouble[] = [];
  const consumer: WatchedConsumer = {
    run: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    troubles: () => troubles,
  };
  troubleMetrics(registry, new Map([['ingest', consumer]]));
  const samples = async (): Promise<unknown> =>
    (await registry.getMetricsAsJSON()).map(({ name, values }) => ({ name, values }));
  const name = 'tidemark_consumer_trouble';
  expect(await samples()).toEqual([{ name, values: [] }]);

  troubles = [
    { place: 'results.flink/3', message: 'results.flink/3 is blocked: a gap' },
    { place: null, message: 'Kafka does not answer' },
  ];
  const sample = (place: string): object => ({ labels: { consumer: 'ingest', place }, value: 1 });
  expect(await samples()).toEqual([{ name, values: [sample('results.flink/3'), sample('*')] }]);

  troubles = [];
  expect(await samples()).toEqual([{ name, values: [] }]);
});
