import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Step } from '../progress.js';
import { VERSIONS } from '../settings.js';
import { cached } from './cache.js';
import { fetchByPom } from './maven.js';

const POM = fileURLToPath(new URL('pom.xml', import.meta.url));

export interface KafkaInstall {
  readonly lib: string;
  readonly plugins: string;
}

/** Kafka, Kafka Connect and the Debezium Postgres plugin, from Maven's repositories. */
export async function installKafka(cache: string, step: Step, signal: AbortSignal): Promise<KafkaInstall> {
  const folder = await cached(
    cache,
    `kafka-${VERSIONS.kafka}-debezium-${VERSIONS.debezium}`,
    (target) =>
      fetchByPom(
        POM,
        {
          'kafka.version': VERSIONS.kafka,
          'debezium.version': VERSIONS.debezium,
          'log4j.version': VERSIONS.log4j,
          target,
        },
        { what: 'Kafka', usualDownloads: 575, isWhole: () => isWhole(target) },
        step,
        signal,
      ),
    () => step.update('another start is installing it'),
  );
  return { lib: join(folder, 'lib'), plugins: join(folder, 'plugins') };
}

function isWhole(folder: string): boolean {
  return (
    existsSync(join(folder, 'lib', `kafka-server-${VERSIONS.kafka}.jar`)) &&
    existsSync(join(folder, 'plugins', 'debezium-connector-postgres'))
  );
}
