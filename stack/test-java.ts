import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { requireJava, requireMaven } from './install/tools.js';
import { REPOSITORY } from './paths.js';

const FOLDER = join(REPOSITORY, 'processing', 'flink');
const MODULES = ['stamp', 'job'] as const;
/** With an empty local repository Maven fetches several hundred files: somebody is waiting. */
const SAY_EVERY_FILES = 100;

export interface JavaCount {
  readonly passed: number;
  readonly failed: number;
}

/**
 * The tests of `processing/flink`, with Maven: one thread and a low priority, because other tests may run beside. What is
 * in the local repository is not fetched again, so it works offline once it has worked.
 */
export async function javaTests(signal: AbortSignal, env: Readonly<Record<string, string>>): Promise<JavaCount> {
  process.stdout.write('— java (mvn test)\n');
  await requireJava(process.env);
  const maven = await requireMaven();
  for (const module of MODULES) rmSync(reportsOf(module), { recursive: true, force: true });
  const run = execa('nice', ['-n', '5', maven, '-B', '-T1', 'test'], {
    cwd: FOLDER,
    all: true,
    stdin: 'ignore',
    reject: false,
    cancelSignal: signal,
    env,
  });
  let files = 0;
  let output = '';
  for await (const line of run.iterable({ from: 'all' })) {
    if (line.includes('Downloaded from')) {
      files += 1;
      if (files % SAY_EVERY_FILES === 0) process.stdout.write(`  fetched ${files} files\n`);
    } else if (!line.includes('Downloading from')) output += `${line}\n`;
    const done = /Tests run: \d+.*(?:Time elapsed: ([\d.]+ s)).* -- in (.*)$/.exec(line);
    if (done !== null) process.stdout.write(`  ${done[2]} (${done[1]})\n`);
  }
  const result = await run;
  const count = MODULES.map(countOf).reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }));
  if (!result.failed) return count;
  process.stdout.write(output);
  // It may also fail without a failed test: a file that does not compile, a repository out of reach.
  return { passed: count.passed, failed: Math.max(1, count.failed) };
}

const reportsOf = (module: string): string => join(FOLDER, module, 'target', 'surefire-reports');

/** Sums up what surefire has written of one module. */
function countOf(module: string): JavaCount {
  let passed = 0;
  let failed = 0;
  for (const name of reportsIn(reportsOf(module))) {
    const head = readFileSync(join(reportsOf(module), name), 'utf8').slice(0, 4_096);
    const number = (attribute: string): number =>
      Number(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`).exec(head)?.[1] ?? 0);
    const broken = number('errors') + number('failures');
    failed += broken;
    passed += number('tests') - number('skipped') - broken;
  }
  return { passed, failed };
}

function reportsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith('TEST-') && name.endsWith('.xml'));
  } catch {
    return [];
  }
}
