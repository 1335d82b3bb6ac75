import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { StackError } from './errors.js';
import { REPOSITORY } from './paths.js';
import { processesWith } from './process/identify.js';
import { javaTests } from './test-java.js';

/**
 * `faults` and `bugs` are of the stack, too: minutes of a Flink cluster's end, and a stack for each bug that the lab's checkers
 * must find, beyond what everybody's run may take. By their names only.
 */
const TIERS = ['lint', 'unit', 'pg', 'java', 'stack', 'faults', 'bugs'] as const;
type Tier = (typeof TIERS)[number];
/** A tier, or some of its files. */
interface Part {
  readonly tier: Tier;
  readonly jestArgs?: readonly string[];
}

/** Tests of real servers that need few of them, and look at none of them for long: they may run beside a whole stack. */
const SMALL = '/(launcher|stack|setup|schema|raw|committed|log|ingest-links|projection|processor)\\.stack\\.test\\.ts$';
const BY_NAME = {
  faults: '/flink-faults\\.stack\\.test\\.ts$',
  bugs: '/lab/bugs/bugs\\.stack\\.test\\.ts$',
} as const;
const isByName = (tier: Tier): tier is keyof typeof BY_NAME => tier in BY_NAME;
/**
 * What runs beside each other, each lane from top to bottom. Tests of the stack mostly wait for servers, and alone leave
 * half of two cores idle; the other lane is nice to them, and about as long.
 */
const LANES: readonly (readonly Part[])[] = [
  [{ tier: 'stack', jestArgs: ['--testPathIgnorePatterns', '/node_modules/', ...Object.values(BY_NAME), SMALL] }],
  [
    { tier: 'lint' },
    { tier: 'unit' },
    { tier: 'pg' },
    { tier: 'java' },
    { tier: 'stack', jestArgs: ['--testPathPatterns', SMALL] },
  ],
];
/** Beside a stack whose tests have limits for waiting. */
const NICE = 5;

interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** Every process of a test run inherits it, so that one that outlives its tests is found. */
const TEST_RUN_VARIABLE = 'TIDEMARK_TEST_RUN';

const LINTERS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['eslint', ['node_modules/eslint/bin/eslint.js', '.']],
  ['prettier', ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']],
  ['tsc', ['node_modules/typescript/bin/tsc', '--noEmit']],
  // Once more as browsers see it: without the types of Node.
  ['tsc client', ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'client']],
  ['tsc console', ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'console']],
];

/**
 * Linux gives each session the same share of the processors, and every server of a stack is a session of its own: beside a
 * dozen of them the second lane would get a tenth. Only root may change that; without it the run takes longer.
 */
function haveShare(): void {
  try {
    writeFileSync('/proc/self/autogroup', '-5');
  } catch {
    // No such file, or not ours.
  }
}

/** `npm test [-- tier] [jest arguments]`: all tiers, whatever fails, then one line with the total. */
export async function runTests(argv: readonly string[]): Promise<number> {
  const named = TIERS.find((tier) => tier === argv[0]);
  const jestArgs = named === undefined ? argv : argv.slice(1);
  if (named === undefined && argv[0] !== undefined && !argv[0].startsWith('-')) {
    throw new StackError(
      'STACK_SETTING_INVALID',
      `"${argv[0]}" is no tier: use ${TIERS.join(', ')}, then arguments for jest.`,
    );
  }
  const total = { passed: 0, failed: 0 };
  const interrupt = new AbortController();
  if (named === undefined) haveShare();
  // The servers of the tests are ended below, whoever interrupts.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort());
  const runLane = async (lane: readonly Part[]): Promise<void> => {
    for (const part of lane) {
      if (interrupt.signal.aborted) return;
      const count = await runTier(part.tier, [...(part.jestArgs ?? []), ...jestArgs], interrupt.signal);
      total.passed += count.passed;
      total.failed += count.failed;
    }
  };
  // Arguments may name files themselves: then nothing is shared out.
  const whole = jestArgs.length === 0 ? LANES : [TIERS.filter((tier) => !isByName(tier)).map((tier) => ({ tier }))];
  await Promise.all((named === undefined ? whole : [[{ tier: named }]]).map(runLane));
  if (interrupt.signal.aborted) return 130;
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
}

async function runTier(tier: Tier, jestArgs: readonly string[], signal: AbortSignal): Promise<Count> {
  if (tier === 'lint') return lint(signal);
  // Arguments choose tests of jest: whoever gives some has not asked for these.
  if (tier === 'java') return jestArgs.length > 0 ? { passed: 0, failed: 0 } : java(signal);
  if (isByName(tier)) return jest('stack', ['--testPathPatterns', BY_NAME[tier], ...jestArgs], signal);
  // All of it, but what runs by its own name.
  const all = tier === 'stack' && jestArgs.length === 0;
  return jest(tier, all ? ['--testPathIgnorePatterns', '/node_modules/', ...Object.values(BY_NAME)] : jestArgs, signal);
}

async function java(signal: AbortSignal): Promise<Count> {
  const run = randomUUID();
  const count = await javaTests(signal, { [TEST_RUN_VARIABLE]: run });
  return { passed: count.passed, failed: count.failed + endLeaked(run) };
}

async function lint(signal: AbortSignal): Promise<Count> {
  let failed = 0;
  for (const [name, args] of LINTERS) {
    process.stdout.write(`— ${name}\n`);
    const result = await execa('nice', ['-n', String(NICE), process.execPath, ...args], {
      cwd: REPOSITORY,
      stdio: ['ignore', 'inherit', 'inherit'],
      reject: false,
      cancelSignal: signal,
    });
    if (result.exitCode !== 0) failed += 1;
  }
  return { passed: LINTERS.length - failed, failed };
}

async function jest(tier: Tier, jestArgs: readonly string[], signal: AbortSignal): Promise<Count> {
  process.stdout.write(`— jest ${tier}\n`);
  const work = mkdtempSync(join(tmpdir(), 'tidemark-jest-'));
  const output = join(work, 'result.json');
  const run = randomUUID();
  // One stack at a time: two would measure each other.
  const speed = tier === 'stack' ? ['--runInBand', '--testTimeout=120000'] : ['--testTimeout=30000'];
  const args = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    tier,
  ];
  try {
    const result = await execa(
      'nice',
      [
        '-n',
        String(tier === 'stack' ? 0 : NICE),
        process.execPath,
        ...args,
        '--passWithNoTests',
        ...speed,
        '--json',
        `--outputFile=${output}`,
        ...jestArgs,
      ],
      {
        cwd: REPOSITORY,
        stdin: 'ignore',
        stdout: 'ignore',
        stderr: 'inherit',
        reject: false,
        cancelSignal: signal,
        env: { [TEST_RUN_VARIABLE]: run },
      },
    );
    const count = countOf(output);
    const leaked = endLeaked(run);
    // jest may also fail without a failed test, in its set-up for instance.
    const unexplained = result.exitCode !== 0 && count.failed === 0 ? 1 : 0;
    return { passed: count.passed, failed: count.failed + unexplained + leaked };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function countOf(file: string): Count {
  try {
    const result = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
    // A file that does not even load has no tests, and still is a failure.
    const broken = result.numRuntimeErrorTestSuites ?? 0;
    return { passed: result.numPassedTests ?? 0, failed: (result.numFailedTests ?? 0) + broken };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

/** A process that outlives its tests fails the run, and is ended. */
function endLeaked(run: string): number {
  const leaked = processesWith(TEST_RUN_VARIABLE, run);
  for (const { pid, component } of leaked) {
    process.stdout.write(`A test left process ${pid} (${component}) behind.\n`);
    process.kill(pid, 'SIGKILL');
  }
  return leaked.length;
}
