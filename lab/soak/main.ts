/**
 * `npm run soak -- --minutes N [--seed S]`: mixed faults, then the verdict of all checkers.
 * `npm run soak -- --events N`: N events, and every row of every kind in every store against the Python oracle.
 * `npm run soak -- --simulations N [--seed S]`: N simulations, from seed S on.
 * `npm run soak -- --liveness N`: N trials of each kind of standing still, classified rightly and soon.
 * The result goes to docs/results/. The exit code is 0 only if the verdict is `true`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StackError } from '../../stack/errors.js';
import { REPOSITORY } from '../../stack/paths.js';
import { progressOn } from '../../stack/progress.js';
import { commit, machine } from '../runner/machine.js';
import type { About } from './about.js';
import { livenessSoak } from './liveness.js';
import { compareEvents } from './million.js';
import { MixedRunner } from './mixed.js';
import { jsonOf, markdownOf, outcomeOf, type Run } from './report.js';
import { simulations } from './simulations.js';

const OPTIONS = {
  minutes: { type: 'string' },
  events: { type: 'string' },
  simulations: { type: 'string' },
  liveness: { type: 'string' },
  seed: { type: 'string', default: '1' },
  reads: { type: 'string', default: '10' },
  rate: { type: 'string', default: '30' },
  'stale-p99-ms': { type: 'string' },
  runs: { type: 'string', default: 'lab/runs' },
  results: { type: 'string', default: 'docs/results' },
  keep: { type: 'boolean', default: false },
} as const;

function number(name: string, text: string): number {
  const value = Number(text);
  if (text !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new StackError('STACK_SETTING_INVALID', `--${name} ${text} is no number that makes sense.`);
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (cause) {
    throw new StackError(
      'STACK_SETTING_INVALID',
      `${(cause as Error).message} Use --minutes, --events, --simulations or --liveness.`,
      { cause },
    );
  }
}

/** Both forms of a result; says where. */
function write(folder: string, name: string, markdown: string, json: object): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.md`), markdown);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(json, null, 1)}\n`);
  process.stdout.write(`${markdown}\nWritten to ${join(folder, name)}.{md,json}\n`);
}

/** @returns the exit code */
export async function soak(argv: readonly string[]): Promise<number> {
  const values = parsed(argv);
  if (
    [values.minutes, values.events, values.simulations, values.liveness].filter((value) => value !== undefined)
      .length !== 1
  ) {
    throw new StackError(
      'STACK_SETTING_INVALID',
      'Use one of --minutes N (mixed faults), --events N (the comparison), --simulations N and --liveness N (trials).',
    );
  }
  const date = new Date().toISOString();
  const about = {
    command: `npm run soak -- ${argv.join(' ')}`,
    date,
    seed: number('seed', values.seed),
    commit: await commit(),
    machine: machine(),
  };
  const day = date.slice(0, 10);
  if (values.events !== undefined) {
    const { ok, markdown, json } = await compareEvents(number('events', values.events), about);
    write(values.results, `${day}-${values.events}-events`, markdown, json);
    return ok ? 0 : 1;
  }
  if (values.simulations !== undefined) {
    const { ok, markdown, json } = await simulations(number('simulations', values.simulations), about);
    write(values.results, `${day}-${values.simulations}-simulations`, markdown, json);
    return ok ? 0 : 1;
  }
  if (values.liveness !== undefined) {
    const { ok, markdown, json } = await livenessSoak(number('liveness', values.liveness), about);
    write(values.results, `${day}-${values.liveness}-liveness-trials`, markdown, json);
    return ok ? 0 : 1;
  }
  return mixed({ ...values, minutes: values.minutes ?? '' }, about, `${day}-soak-${values.minutes}-minutes`);
}

async function mixed(
  values: ReturnType<typeof parsed> & { minutes: string },
  about: About,
  name: string,
): Promise<number> {
  const progress = progressOn(process.stdout);
  const stale = values['stale-p99-ms'];
  const runner = new MixedRunner(
    {
      minutes: number('minutes', values.minutes),
      seed: about.seed,
      reads: number('reads', values.reads),
      events: number('rate', values.rate),
      runs: resolve(REPOSITORY, values.runs),
      staleP99Ms: stale === undefined ? null : number('stale-p99-ms', stale),
      keep: values.keep,
    },
    progress.step('soak'),
  );
  // The first Ctrl-C ends the faults, and what was seen is judged; the second ends everything.
  let asked = false;
  const hear = (): void => {
    if (asked) process.exit(130);
    asked = true;
    runner.end();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, hear);
  try {
    const { judgement, ...seen } = await runner.run();
    progress.close();
    const run: Run = { what: 'Mixed faults', ...about, ...seen };
    write(values.results, name, markdownOf(run, judgement), jsonOf(run, judgement));
    return outcomeOf(judgement) === 'true' ? 0 : 1;
  } finally {
    progress.close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, hear);
  }
}
