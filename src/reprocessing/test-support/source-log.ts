import type { LogConsumer, LogRecord } from '../../log/port.js';

/** A consumer of the source as it is when the consumer begins: one partition, delivered in one batch from where its reader starts. */
export const consumerOf =
  (log: () => { readonly low: bigint; readonly records: readonly LogRecord[]; readonly most?: number }) =>
  (): LogConsumer => ({
    async run(handler) {
      const { low, records, most = Infinity } = log();
      const high = (records.at(-1)?.offset ?? -1n) + 1n;
      const from = await handler.start('orders.events', 0, { low, high });
      const batch = records.filter(({ offset }) => offset >= from).slice(0, most);
      if (batch.length > 0)
        await handler.handle({ topic: 'orders.events', partition: 0, records: batch, transactional: false });
    },
    stop: async () => undefined,
  });
