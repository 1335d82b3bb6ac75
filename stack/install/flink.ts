import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Step } from '../progress.js';
import { VERSIONS } from '../settings.js';
import { cached } from './cache.js';
import { fetchByPom } from './maven.js';

const POM = fileURLToPath(new URL('flink-pom.xml', import.meta.url));

/** JobManager, TaskManager, REST and web UI, from Maven's repositories; returns the folder of its jars. */
export async function installFlink(cache: string, step: Step, signal: AbortSignal): Promise<string> {
  const folder = await cached(
    cache,
    `flink-${VERSIONS.flink}`,
    (target) =>
      fetchByPom(
        POM,
        { 'flink.version': VERSIONS.flink, 'log4j.version': VERSIONS.log4j, target },
        {
          what: 'Flink',
          usualDownloads: 300,
          isWhole: () => existsSync(join(target, 'lib', `flink-runtime-web-${VERSIONS.flink}.jar`)),
        },
        step,
        signal,
      ),
    () => step.update('another start is installing it'),
  );
  return join(folder, 'lib');
}
