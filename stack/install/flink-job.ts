import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { REPOSITORY } from '../paths.js';
import type { Step } from '../progress.js';
import { cached } from './cache.js';
import { runMaven } from './maven.js';

const SOURCES = join(REPOSITORY, 'processing', 'flink');
const JAR = 'tidemark-flink-job.jar';
const PREFIX = 'flink-job-';
const UNUSED_MS = 14 * 24 * 3_600_000;

/**
 * The job, built from this clone's sources. The digest of what it is built from names it, so that Maven runs only after
 * one of them has changed, and two clones of the same sources share it.
 */
export async function installFlinkJob(
  cache: string,
  step: Step,
  signal: AbortSignal,
  sources = SOURCES,
): Promise<string> {
  const folder = await cached(
    cache,
    `${PREFIX}${digestOf(sources)}`,
    (target) => build(sources, target, step, signal),
    () => step.update('another start is building it'),
  );
  utimesSync(folder, new Date(), new Date());
  removeUnused(cache);
  return join(folder, JAR);
}

/** Everything but tests and what Maven has made. */
function sourceFiles(sources: string): string[] {
  return readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((path) => /(^|\/)pom\.xml$|^[^/]+\/src\/main\//.test(path) && statSync(join(sources, path)).isFile())
    .sort();
}

export function digestOf(sources: string): string {
  const hash = createHash('sha256');
  for (const path of sourceFiles(sources))
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(sources, path)))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

async function build(sources: string, target: string, step: Step, signal: AbortSignal): Promise<void> {
  // Elsewhere: the clone may be read-only, and somebody may be running its tests.
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-flink-job-'));
  try {
    const wanted = new Set(sourceFiles(sources));
    cpSync(sources, folder, {
      recursive: true,
      filter: (path) =>
        (statSync(path).isDirectory() && !path.endsWith('/target')) || wanted.has(relative(sources, path)),
    });
    const made = join(folder, 'job', 'target', JAR);
    const args = ['-DwithoutTests', '-Dmaven.test.skip=true', 'package'];
    await runMaven(
      { what: 'the Flink job', folder, args, usualDownloads: 250, isWhole: () => existsSync(made) },
      step,
      signal,
    );
    copyFileSync(made, join(target, JAR));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Jars of sources that nobody has started for two weeks. */
function removeUnused(cache: string): void {
  for (const name of readdirSync(cache).filter((each) => each.startsWith(PREFIX) && !each.endsWith('.lock'))) {
    const folder = join(cache, name);
    if (Date.now() - statSync(folder).mtimeMs > UNUSED_MS) rmSync(folder, { recursive: true, force: true });
  }
}
