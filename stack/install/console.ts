/** The console, built by Vite into console/dist/site, where every server of this clone looks for it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { StackError } from '../errors.js';
import { REPOSITORY } from '../paths.js';
import { tryLock, unlock } from '../process/lock.js';
import { holdsWithin } from '../process/wait.js';
import type { Step } from '../progress.js';

const DIST = join(REPOSITORY, 'console', 'dist');
/** What it is made of: its own files, the client that it uses, and the packages' versions. */
const SOURCES = ['console', 'client', 'package-lock.json'] as const;
const DIGEST = 'digest.txt';
const BUILD_MS = 5 * 60_000;
/** Smaller ones gain nothing. */
const WORTH_ZIPPING_BYTES = 1_000;
const TEXTS = new Set(['.html', '.js', '.css', '.svg']);

/**
 * Builds it if one of its sources has changed since the last time, beside the old one, which it then replaces.
 * @returns the folder
 * @throws StackError STACK_CONSOLE_FAILED with the end of what Vite said
 */
export async function buildConsole(step: Step, signal?: AbortSignal, dist = DIST): Promise<string> {
  const site = join(dist, 'site');
  const wanted = digestOf(REPOSITORY);
  if (builtDigest(site) === wanted) {
    step.done('as built before');
    return site;
  }
  const lock = join(dist, 'lock');
  const ours = await holdsWithin(() => tryLock(lock) === undefined, { timeoutMs: BUILD_MS, everyMs: 250 });
  if (!ours) throw new StackError('STACK_CONSOLE_FAILED', `another program has held ${lock} for 5 minutes: end it.`);
  try {
    if (builtDigest(site) === wanted) return site;
    step.update('building', 0.3);
    const made = join(dist, `new-${process.pid}`);
    await runVite(made, signal);
    zip(made);
    writeFileSync(join(made, DIGEST), wanted);
    rmSync(site, { recursive: true, force: true });
    renameSync(made, site);
    step.done('built');
    return site;
  } finally {
    unlock(lock);
  }
}

const builtDigest = (site: string): string | null =>
  existsSync(join(site, DIGEST)) ? readFileSync(join(site, DIGEST), 'utf8') : null;

async function runVite(outDir: string, signal: AbortSignal | undefined): Promise<void> {
  const vite = join(REPOSITORY, 'node_modules', 'vite', 'bin', 'vite.js');
  const result = await execa(process.execPath, [vite, 'build', 'console', '--outDir', outDir, '--emptyOutDir'], {
    cwd: REPOSITORY,
    stdin: 'ignore',
    all: true,
    reject: false,
    timeout: BUILD_MS,
    ...(signal && { cancelSignal: signal }),
  });
  if (!result.failed) return;
  rmSync(outDir, { recursive: true, force: true });
  const said = result.all.trim().split('\n').slice(-5).join(' ') || 'Vite could not be started';
  throw new StackError('STACK_CONSOLE_FAILED', `the console could not be built: ${said}`);
}

/** Beside each file, for browsers that take it. */
function zip(folder: string): void {
  for (const path of filesIn(folder)) {
    const text = readFileSync(join(folder, path));
    if (TEXTS.has(extname(path)) && text.length >= WORTH_ZIPPING_BYTES)
      writeFileSync(join(folder, `${path}.gz`), gzipSync(text));
  }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();

/** Of everything but tests and what was made. */
export function digestOf(root: string): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const at = join(root, source);
    const files = statSync(at).isFile() ? [''] : filesIn(at).filter((path) => !/(^|\/)dist\/|\.test\.ts$/.test(path));
    for (const file of files)
      hash
        .update(`${source}/${file}\0`)
        .update(readFileSync(join(at, file)))
        .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}
