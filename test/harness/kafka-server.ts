import { installKafka } from '../../stack/install/kafka.js';
import { requireJava } from '../../stack/install/tools.js';
import { Component } from '../../stack/process/component.js';
import { silent } from '../../stack/progress.js';
import { kafkaSpec } from '../../stack/servers/kafka.js';
import { ensureTopics } from '../../stack/servers/topics.js';
import type { TopicSetting } from '../../stack/settings.js';
import { killAtExit } from './kill-at-exit.js';
import { makeSandbox } from './sandbox.js';

/** A broker of a test's own and nothing else; about five seconds. */
export interface KafkaServer {
  readonly brokers: string;
  /** Java class path of Kafka's own tools. */
  readonly classpath: string;
  stop(): Promise<void>;
}

/** @param settings instead of the stack's own */
export async function startKafka(
  topics: readonly TopicSetting[],
  settings: Readonly<Record<string, string>> = {},
): Promise<KafkaServer> {
  const sandbox = await makeSandbox('kafka');
  const java = await requireJava(sandbox.env);
  const { lib } = await installKafka(sandbox.paths.cache, silent.step('kafka'), new AbortController().signal);
  const report = (sentence: string): void => void process.stderr.write(`${sentence}\n`);
  const component = new Component(await kafkaSpec(sandbox.context, java, lib, settings), report);
  killAtExit(component);
  await component.start();
  const brokers = `127.0.0.1:${sandbox.ports.kafka}`;
  await ensureTopics(brokers, topics);
  return {
    brokers,
    classpath: `${lib}/*`,
    stop: async () => {
      await component.stop();
      sandbox.remove();
    },
  };
}
