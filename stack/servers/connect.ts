import { dirname, join } from 'node:path';
import type { ComponentSpec } from '../process/component.js';
import { connectProperties } from '../settings.js';
import type { KafkaInstall } from '../install/kafka.js';
import type { ServerContext } from './context.js';
import { javaArguments, writeLogging, writeProperties } from './java.js';

/** The Kafka Connect worker; it looks for the broker by itself, so it may start beside it. */
export function connectSpec(context: ServerContext, java: string, install: KafkaInstall): ComponentSpec {
  const { ports } = context;
  const folder = context.folder('connect');
  const properties = join(folder, 'worker.properties');
  writeLogging(folder);
  writeProperties(
    properties,
    connectProperties({
      kafkaBrokers: `127.0.0.1:${ports.kafka}`,
      port: ports.connect,
      pluginPath: install.plugins,
      secretsFolder: dirname(folder),
    }),
  );
  return {
    name: 'connect',
    command: java,
    args: [
      ...javaArguments({ heapMb: 300, folder, lib: install.lib }),
      'org.apache.kafka.connect.cli.ConnectDistributed',
      properties,
    ],
    env: context.env,
    cwd: folder,
    log: context.log('connect'),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
    readyTimeoutMs: 300_000,
    // Answers only after the worker has read its own topics.
    isReady: async () =>
      (await fetch(`http://127.0.0.1:${ports.connect}/connectors`, { signal: AbortSignal.timeout(2_000) })).ok,
  };
}
