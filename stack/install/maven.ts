import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { StackError } from '../errors.js';
import type { Step } from '../progress.js';
import { requireMaven } from './tools.js';

/** One run of Maven, of which only the bar and the outcome are seen. */
export interface MavenRun {
  /** For sentences: `Kafka`. */
  readonly what: string;
  readonly folder: string;
  readonly args: readonly string[];
  /** With an empty local repository Maven fetches about this many files; only the bar needs it. */
  readonly usualDownloads: number;
  /** Whether everything that was wanted is there. */
  readonly isWhole: () => boolean;
}

/** @throws StackError STACK_INSTALL_FAILED with Maven's reason, and where its output lies */
export async function runMaven(wanted: MavenRun, step: Step, signal: AbortSignal): Promise<void> {
  const maven = await requireMaven();
  step.update('fetching with Maven', 0.01);
  const run = execa(maven, ['-B', ...wanted.args], {
    cwd: wanted.folder,
    all: true,
    stdin: 'ignore',
    reject: false,
    cancelSignal: signal,
  });
  let output = '';
  let files = 0;
  for await (const line of run.iterable({ from: 'all' })) {
    output += `${line}\n`;
    if (!line.includes('Downloaded from')) continue;
    files += 1;
    step.update(`fetched ${files} files`, Math.min(0.98, files / wanted.usualDownloads));
  }
  const result = await run;
  if (result.failed || !wanted.isWhole()) throw failed(wanted.what, output);
}

/** Maven's `process-resources` of one pom of ours, which copies into `target`; versions are -D properties. */
export async function fetchByPom(
  pom: string,
  properties: Readonly<Record<string, string>>,
  wanted: Omit<MavenRun, 'folder' | 'args'>,
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-pom-'));
  copyFileSync(pom, join(folder, 'pom.xml'));
  const args = [...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`), 'process-resources'];
  try {
    await runMaven({ ...wanted, folder, args }, step, signal);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function failed(what: string, output: string): StackError {
  const log = join(tmpdir(), `tidemark-maven-${what.toLowerCase().replaceAll(/\W+/g, '-')}.log`);
  writeFileSync(log, output);
  const reason = /^\[ERROR\] (.*)$/m.exec(output)?.[1] ?? 'it gave no reason';
  return new StackError(
    'STACK_INSTALL_FAILED',
    `Maven could not provide ${what} (${reason.slice(0, 300)}): check the network or ~/.m2/settings.xml; its output is in ${log}.`,
  );
}
