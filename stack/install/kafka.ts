import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyFileSync, existsSync } from 'node:fs';
import { execa } from 'execa';
import { StackError } from '../errors.js';
import type { Step } from '../progress.js';
import { VERSIONS } from '../settings.js';
import { cached } from './cache.js';
import { requireMaven } from './tools.js';

const POM = fileURLToPath(new URL('pom.xml', import.meta.url));
/** With an empty local repository Maven fetches about this many files; only the bar needs it. */
const USUAL_DOWNLOADS = 575;

export interface KafkaInstall {
  readonly lib: string;
  readonly plugins: string;
}

/** Kafka, Kafka Connect and the Debezium Postgres plugin, from Maven's repositories. */
export async function installKafka(cache: string, step: Step, signal: AbortSignal): Promise<KafkaInstall> {
  const name = `kafka-${VERSIONS.kafka}-debezium-${VERSIONS.debezium}`;
  const folder = await cached(
    cache,
    name,
    (staging) => fetchWithMaven(staging, step, signal),
    () => step.update('another start is installing it'),
  );
  return { lib: join(folder, 'lib'), plugins: join(folder, 'plugins') };
}

async function fetchWithMaven(staging: string, step: Step, signal: AbortSignal): Promise<void> {
  const maven = await requireMaven();
  step.update('fetching with Maven', 0.01);
  const work = mkdtempSync(join(tmpdir(), 'tidemark-pom-'));
  copyFileSync(POM, join(work, 'pom.xml'));
  let output = '';
  try {
    const run = execa(
      maven,
      [
        '-B',
        '-f',
        join(work, 'pom.xml'),
        `-Dkafka.version=${VERSIONS.kafka}`,
        `-Ddebezium.version=${VERSIONS.debezium}`,
        `-Dlog4j.version=${VERSIONS.log4j}`,
        `-Dtarget=${staging}`,
        'process-resources',
      ],
      { cwd: work, all: true, stdin: 'ignore', reject: false, cancelSignal: signal },
    );
    let files = 0;
    for await (const line of run.iterable({ from: 'all' })) {
      output += `${line}\n`;
      if (!line.includes('Downloaded from')) continue;
      files += 1;
      step.update(`fetched ${files} files`, Math.min(0.98, files / USUAL_DOWNLOADS));
    }
    const result = await run;
    if (result.failed || !isWhole(staging)) throw failed(output);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function isWhole(folder: string): boolean {
  return (
    existsSync(join(folder, 'lib', `kafka-server-${VERSIONS.kafka}.jar`)) &&
    existsSync(join(folder, 'plugins', 'debezium-connector-postgres'))
  );
}

function failed(output: string): StackError {
  const log = join(tmpdir(), 'tidemark-maven.log');
  writeFileSync(log, output);
  const reason = /^\[ERROR\] (.*)$/m.exec(output)?.[1] ?? 'it gave no reason';
  return new StackError(
    'STACK_INSTALL_FAILED',
    `Maven could not fetch Kafka (${reason.slice(0, 300)}): check the network or ~/.m2/settings.xml; its output is in ${log}.`,
  );
}
