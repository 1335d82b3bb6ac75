/**
 * `npm run test:outside [-- --sessions N --seed S]`: sessions that change servers and stores, judged by a program that
 * shares nothing with the server. What it must reject, it is shown first.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { StackError } from '../../stack/errors.js';
import { REPOSITORY } from '../../stack/paths.js';
import { Recorder } from './history.js';
import { buildJudge, type Verdict } from './judge.js';
import { recordSimulated, type SimulatedOptions } from './simulated.js';

/** A folder of histories that others have recorded: `test/sessions.stack.test.ts`, from real servers. */
const RECORDED = process.env['TIDEMARK_OUTSIDE'];
/** Enough for sessions without tokens to see the past. */
const CONTROL_SESSIONS = 400;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

export async function outside(argv: readonly string[]): Promise<number> {
  const { sessions, seed } = numbersOf(argv);
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-outside-'));
  const began = performance.now();
  let ok = false;
  try {
    const judge = await buildJudge(folder);
    const wrong = [
      ...told(await judge(handMade())),
      ...(await simulated(folder, judge, { sessions, seed })),
      ...(await recorded(judge)),
    ];
    for (const sentence of wrong) say(`WRONG ${sentence}`);
    ok = wrong.length === 0;
    say(
      `${ok ? 'All as it should be' : `${wrong.length} wrong`}, ${Math.round((performance.now() - began) / 1000)} s.`,
    );
    return ok ? 0 : 1;
  } finally {
    if (ok) rmSync(folder, { recursive: true, force: true });
    else say(`The histories are in ${folder}.`);
  }
}

function numbersOf(argv: readonly string[]): { readonly sessions: number; readonly seed: number } {
  const options = {
    sessions: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
  } as const;
  const { values } = parseArgs({ args: [...argv], options });
  const numbers = { sessions: Number(values.sessions), seed: Number(values.seed) };
  if (Object.values(numbers).some((n) => !Number.isSafeInteger(n) || n < 1))
    throw new StackError(
      'STACK_SETTING_INVALID',
      'test:outside takes --sessions N and --seed N, whole numbers from 1.',
    );
  return numbers;
}

type Judge = (paths: readonly string[]) => Promise<Verdict[]>;

/** `bad/<check>.<what>.jsonl` breaks that check and no other; `good/` breaks none. */
function handMade(): string[] {
  return ['bad', 'good'].flatMap((name) => {
    const folder = join(REPOSITORY, 'test', 'outside', name);
    return readdirSync(folder).map((file) => join(folder, file));
  });
}

function told(verdicts: readonly Verdict[]): string[] {
  const wrong = verdicts.flatMap(({ file, checks }) => {
    const expected = file.includes('/bad/') ? [basename(file).split('.')[0]] : [];
    const found = checks.filter(({ violations }) => violations > 0).map(({ name }) => name);
    return found.join() === expected.join() ? [] : [`${basename(file)}: ${found.join() || 'nothing'} was found in it`];
  });
  say(`${verdicts.length} histories made by hand: ${verdicts.length - wrong.length} judged as they should be`);
  return wrong;
}

async function simulated(
  folder: string,
  judge: Judge,
  options: { readonly sessions: number; readonly seed: number },
): Promise<string[]> {
  const [good, past] = [join(folder, 'simulated.jsonl'), join(folder, 'without-tokens.jsonl')];
  say(`the simulation, seed ${options.seed}: ${options.sessions} sessions on two servers with faults …`);
  const found = await record(good, options);
  await record(past, { seed: options.seed, sessions: CONTROL_SESSIONS, tokens: false });
  const [verdict, control] = await judge([good, past]);
  const wrong = [...found, ...violationsOf(verdict)];
  const seen = (control?.checks ?? []).filter(({ violations }) => violations > 0).map(({ name }) => name);
  for (const name of ['read-your-writes', 'monotonic-reads']) {
    if (!seen.includes(name)) wrong.push(`${CONTROL_SESSIONS} sessions without tokens, and ${name} was not broken`);
  }
  say(`${CONTROL_SESSIONS} sessions without tokens: ${seen.length === 0 ? 'nothing' : seen.join(' and ')} broken`);
  return wrong;
}

async function record(path: string, options: SimulatedOptions): Promise<string[]> {
  const recorder = new Recorder(path);
  try {
    return await recordSimulated(recorder, options);
  } finally {
    recorder.close();
    say(`  ${recorder.reads} reads, ${recorder.writes} writes; answered by ${[...recorder.stores].sort().join(', ')}`);
  }
}

async function recorded(judge: Judge): Promise<string[]> {
  const paths = RECORDED === undefined ? [] : readdirSync(RECORDED).filter((file) => file.endsWith('.jsonl'));
  if (RECORDED === undefined || paths.length === 0) {
    say('real servers: nothing recorded (TIDEMARK_OUTSIDE=folder npm test -- stack --testPathPatterns sessions)');
    return [];
  }
  const verdicts = await judge(paths.map((file) => join(RECORDED, file)));
  return verdicts.flatMap((verdict) => violationsOf(verdict));
}

function violationsOf(verdict: Verdict | undefined): string[] {
  if (verdict === undefined) return ['the judge said nothing'];
  say(`${basename(verdict.file)}: ${verdict.sessions} sessions, ${verdict.operations} operations`);
  return verdict.checks.flatMap(({ name, constrained, violations, examples }) => {
    say(`  ${name.padEnd(18)} ${violations} violations, ${constrained} reads that could have been one`);
    // Silence would be true, too.
    const silent = constrained === 0 ? [`${basename(verdict.file)}: nothing put ${name} to the test`] : [];
    return [...silent, ...(violations > 0 ? [`${violations} × ${name}: ${examples.join('; ')}`] : [])];
  });
}
