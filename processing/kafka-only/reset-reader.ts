import type { Consumer } from 'kafkajs';
import type { Logger } from 'pino';
import { compileSchema } from '../../wire/validate.js';
import type { Reset } from './wire.js';

interface Parts {
  readonly consumer: (group: string) => Consumer;
  /** Of this process alone: whoever owns the source partition must hear of it, whatever a group would assign to whom. */
  readonly group: string;
  readonly topic: string | null;
  readonly onReset: (command: Reset) => void;
  readonly log: Pick<Logger, 'warn'>;
}

/** A command for this engine; null: it is none, or none of this version. */
export function makeParse(): (value: Buffer | null) => Reset | null {
  const valid = compileSchema('reset');
  return (value) => {
    try {
      const command = JSON.parse(value?.toString('utf8') ?? '') as Reset;
      return valid(command) && command.processing_engine === 'KAFKA_ONLY' ? command : null;
    } catch {
      return null;
    }
  };
}

/**
 * Reads the commands to replace state (ADR 13) from now on: an older one speaks of a state that this process has not. Without
 * them results stay in doubt until they are verified; so nothing here ends the process.
 */
export function readResets({ consumer, group, topic, onReset, log }: Parts): { stop(): Promise<void> } {
  if (topic === null) return { stop: async () => undefined };
  const parse = makeParse();
  const reader = consumer(group);
  const failed = (err: unknown): void =>
    log.warn({ err, topic }, 'commands to replace state are not read: what is in doubt stays so until it is verified');
  reader.on(reader.events.CRASH, ({ payload }) => {
    if (!payload.restart) failed(payload.error);
  });
  const running = (async () => {
    await reader.connect();
    await reader.subscribe({ topics: [topic], fromBeginning: false });
    await reader.run({
      autoCommit: false,
      eachMessage: async ({ message }) => {
        const command = parse(message.value);
        if (command !== null) onReset(command);
      },
    });
  })();
  running.catch(failed);
  return { stop: () => reader.disconnect().catch(() => undefined) };
}
