import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { StackError } from '../errors.js';
import type { Step } from '../progress.js';
import { VERSIONS } from '../settings.js';
import { cached } from './cache.js';
import { requireMaven } from './tools.js';

const POM = fileURLToPath(new URL('elasticsearch-pom.xml', import.meta.url));

/** Elasticsearch's minimal distribution, from Maven's repositories; returns its home. It brings no Java. */
export async function installElasticsearch(cache: string, step: Step, signal: AbortSignal): Promise<string> {
  const folder = await cached(
    cache,
    `elasticsearch-${VERSIONS.elasticsearch}`,
    (staging) => fetchWithMaven(staging, step, signal),
    () => step.update('another start is installing it'),
  );
  return homeIn(folder);
}

const homeIn = (folder: string): string => join(folder, `elasticsearch-${VERSIONS.elasticsearch}`);

async function fetchWithMaven(staging: string, step: Step, signal: AbortSignal): Promise<void> {
  const maven = await requireMaven();
  step.update('fetching with Maven', 0.01);
  const work = mkdtempSync(join(tmpdir(), 'tidemark-pom-'));
  copyFileSync(POM, join(work, 'pom.xml'));
  let output = '';
  try {
    // Not -B, which says nothing of the bytes; -C refuses a file with another checksum.
    const args = ['-C', '-f', join(work, 'pom.xml'), `-Delasticsearch.version=${VERSIONS.elasticsearch}`];
    const run = execa(maven, [...args, `-Dtarget=${staging}`, 'process-resources'], {
      cwd: work,
      all: true,
      stdin: 'ignore',
      reject: false,
      cancelSignal: signal,
    });
    run.all.on('data', (chunk: Buffer) => {
      const text = String(chunk);
      output = (output + text.replaceAll(/Progress[^\r\n]*\r/g, '')).slice(-100_000);
      const [, done, all] = [...text.matchAll(/(\d+)(?:\.\d+)?\/(\d+) MB/g)].at(-1) ?? [];
      if (done !== undefined) step.update(`fetched ${done} of ${all} MB`, Math.min(0.95, Number(done) / Number(all)));
    });
    const result = await run;
    if (result.failed || !existsSync(join(homeIn(staging), 'lib', `elasticsearch-${VERSIONS.elasticsearch}.jar`)))
      throw failed(output);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  openToAll(staging);
}

/** The server runs as somebody else than who installs it, whatever the umask. */
function openToAll(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, entry);
    chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
  }
}

function failed(output: string): StackError {
  const log = join(tmpdir(), 'tidemark-maven-elasticsearch.log');
  writeFileSync(log, output);
  const reason = /^\S*\[\S*ERROR\S*\] (.*)$/m.exec(output)?.[1] ?? 'it gave no reason';
  return new StackError(
    'STACK_INSTALL_FAILED',
    `Maven could not fetch Elasticsearch (${reason.slice(0, 300)}): check the network or ~/.m2/settings.xml; its output is in ${log}.`,
  );
}
