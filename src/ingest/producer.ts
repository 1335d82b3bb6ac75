/** Writing a source event again (ADR 9): acknowledged by all replicas, over one connection that is made when it is first needed. */
import { AppError } from '../errors.js';
import { connectProducer } from './consumer.js';
import type { SourceMessage } from './desk.js';

export interface LogProducer {
  send(topic: string, message: SourceMessage): Promise<{ partition: number; offset: bigint }>;
  stop(): Promise<void>;
}

/** @param timeoutMs of one request to the broker */
export function createLogProducer(brokers: readonly string[], clientId: string, timeoutMs: number): LogProducer {
  let connecting: ReturnType<typeof connectProducer> | null = null;
  const connected = (): ReturnType<typeof connectProducer> => {
    connecting ??= connectProducer(brokers, clientId, timeoutMs).catch((error: unknown) => {
      connecting = null;
      throw error;
    });
    return connecting;
  };
  return {
    async send(topic, { key, value, headers, partition }) {
      try {
        const producer = await connected();
        const [at] = await producer.send({
          topic,
          acks: -1,
          messages: [{ key, value, headers: { ...headers }, ...(partition === undefined ? {} : { partition }) }],
        });
        if (at?.baseOffset === undefined) throw new Error('the broker did not say where');
        return { partition: at.partition, offset: BigInt(at.baseOffset) };
      } catch (cause) {
        // It may be there: a second replay then writes it twice, and every engine counts an event once.
        throw new AppError('REPLAY_NOT_SENT', `${topic} did not take the record in time. Try again.`, {
          retryable: true,
          outcome: 'unknown',
          cause,
        });
      }
    },
    async stop() {
      const producer = await connecting?.catch(() => undefined);
      await producer?.disconnect();
    },
  };
}
