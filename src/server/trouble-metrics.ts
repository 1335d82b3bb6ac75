import { Gauge, type Registry } from 'prom-client';
import type { WatchedConsumer } from '../log/port.js';

/**
 * `tidemark_consumer_trouble{consumer,place}` is 1 for each partition that waits or is blocked, and for each consumer that can't
 * read at all (place `*`); what goes well has no sample. Read when it is asked for, so it can't be out of date.
 */
export function troubleMetrics(registry: Registry, consumers: ReadonlyMap<string, WatchedConsumer>): void {
  new Gauge({
    name: 'tidemark_consumer_trouble',
    help: 'Partitions that wait or are blocked, by topic/partition; place * is all that the consumer reads.',
    labelNames: ['consumer', 'place'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const [consumer, watched] of consumers) {
        for (const { place } of watched.troubles()) this.set({ consumer, place: place ?? '*' }, 1);
      }
    },
  });
}
