/** `tidemark lab …`: what is typed, and what is said. What does the work is loaded when it is asked for: other commands begin sooner. */
import { relative } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { STREAM_NAMES, type Stream } from '../workloads/streams.js';
import { SCENARIOS, scenarioNamed } from './scenarios.js';

interface Out {
  readonly say: (line: string) => void;
}

function amount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('It is no amount.');
  return value;
}

interface RunFlags {
  readonly minutes?: number;
  readonly times: number;
  readonly results?: string;
  readonly seed: number;
  readonly reads: number;
  readonly rate: number;
  readonly workload?: Stream;
  readonly flink: boolean;
  readonly runs: string;
  readonly staleP99Ms?: number;
}

const staleLimit = (): Option =>
  new Option(
    '--stale-p99-ms <ms>',
    'for a machine that does other things: limit of claimed − true staleness',
  ).argParser(amount);

/** @param done with the exit code: 0 only if the verdict is true */
export function addLab(program: Command, out: Out, done: (code: number) => void): void {
  const lab = program.command('lab').description('breaks servers of its own under load, and judges what was claimed');
  lab
    .command('list')
    .description('what can be run')
    .action(() => {
      const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
      for (const { name, what } of SCENARIOS) out.say(`${name.padEnd(width)}  ${what}`);
    });
  lab
    .command('run <scenario>')
    .description('workload, faults, quiet, final read, verdict; a folder with the history and its reports')
    .option('--seed <n>', 'the same seed, the same choices', amount, 1)
    .option('--minutes <n>', 'go on with the faults for so long', amount)
    .option('--times <n>', 'without --minutes: until each fault has come so often', amount, 1)
    .option('--results <folder>', 'where the report is also put, by its date: docs/results')
    .option('--reads <n>', 'requests per second', amount, 10)
    .option('--rate <n>', 'events per second', amount, 30)
    .addOption(new Option('--workload <name>', 'stream of orders; default: the scenario’s').choices(STREAM_NAMES))
    .option('--no-flink', 'only the engine without checkpoints: starts sooner, and nothing is HIGH')
    .option('--runs <folder>', 'where the run gets its folder', 'lab/runs')
    .addOption(staleLimit())
    .action(async (name: string, flags: RunFlags) => {
      const scenario = scenarioNamed(name);
      if (scenario === undefined) throw new Error(`there is no scenario ${name}: tidemark lab list`);
      const [{ runScenario }, { progressOn }] = await Promise.all([
        import('./run.js'),
        import('../../stack/progress.js'),
      ]);
      const progress = progressOn(process.stdout);
      try {
        const { folder, html, outcome, headline } = await runScenario(
          {
            ...{ scenario, seed: flags.seed, reads: flags.reads, rate: flags.rate, flink: flags.flink },
            ...{ runs: flags.runs, minutes: flags.minutes ?? null, times: flags.times, stream: flags.workload ?? null },
            ...{ staleP99Ms: flags.staleP99Ms ?? null, results: flags.results ?? null },
            command: `npx tidemark ${process.argv.slice(2).join(' ')}`,
          },
          progress,
        );
        progress.close();
        out.say(`${outcome}: ${headline}`);
        out.say(`${relative(process.cwd(), html)}, and the history beside it: ${relative(process.cwd(), folder)}`);
        done(outcome === 'true' ? 0 : 1);
      } finally {
        progress.close();
      }
    });
  addBugs(lab, out, done);
  addJudging(lab, out, done);
}

function addBugs(lab: Command, out: Out, done: (code: number) => void): void {
  lab
    .command('bugs [names...]')
    .description('puts bugs into servers of its own, one after the other, and says which checker finds each')
    .option('--runs <folder>', 'where the runs get their folders', 'lab/runs')
    .action(async (names: readonly string[], { runs }: { readonly runs: string }) => {
      const [{ BUGS, bugNamed }, { findBug }, { progressOn }] = await Promise.all([
        import('../bugs/bugs.js'),
        import('./bug.js'),
        import('../../stack/progress.js'),
      ]);
      const bugs = names.length === 0 ? BUGS : names.flatMap((name) => bugNamed(name) ?? []);
      if (bugs.length < names.length) throw new Error(`there are ${BUGS.map(({ name }) => name).join(', ')}`);
      // The servers go with this process only if it ends by itself.
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
      const found: boolean[] = [];
      for (const bug of bugs) {
        const progress = progressOn(process.stdout);
        try {
          const { caught, by, folder } = await findBug(bug, runs, progress.step(bug.name));
          progress.close();
          out.say(
            `${bug.name}: ${caught ? 'caught' : 'NOT CAUGHT'} by ${bug.caughtBy.checker}. False: ${by.join(', ') || 'nothing'}. ${folder}`,
          );
          found.push(caught);
        } finally {
          progress.close();
        }
      }
      done(found.every(Boolean) ? 0 : 1);
    });
}

function addJudging(lab: Command, out: Out, done: (code: number) => void): void {
  lab
    .command('report <run>')
    .description('makes the reports of a run’s folder again: Markdown, JSON, one HTML page')
    .action(async (folder: string) => {
      const [{ writeReports }, { outcomeOf }] = await Promise.all([
        import('../report/write.js'),
        import('../soak/report.js'),
      ]);
      const { html, told } = writeReports(folder);
      out.say(`${outcomeOf(told.judgement)}: ${relative(process.cwd(), html)}`);
      done(0);
    });
  lab
    .command('replay <history>')
    .description('has the checkers judge a recorded history again')
    .addOption(staleLimit())
    .action(async (path: string, { staleP99Ms }: { readonly staleP99Ms?: number }) => {
      const [{ replay }, { tableOf }] = await Promise.all([import('./replay.js'), import('../checkers/index.js')]);
      const { judgement, outcome, different } = await replay(path, staleP99Ms ?? null);
      out.say(tableOf(judgement.verdicts).trimEnd());
      const same =
        different === null
          ? 'It was not judged before.'
          : different.length === 0
            ? 'The same as when it was judged.'
            : `NOT as when it was judged: ${different.join(', ')}.`;
      out.say(`${outcome}. ${same}`);
      done(outcome === 'true' && (different ?? []).length === 0 ? 0 : 1);
    });
}

/** @param done with the exit code: 0 if no claim was false */
export function addDemo(program: Command, done: (code: number) => void): void {
  program
    .command('demo')
    .description('one minute on servers of its own: CDC paused, a TaskManager killed, both back, and the verdict')
    .option('--record <file>', 'also as an asciicast')
    .option('--runs <folder>', 'where the run gets its folder', 'lab/runs')
    .action(async ({ record, runs }: { readonly record?: string; readonly runs: string }) => {
      const [{ demo }, { progressOn }] = await Promise.all([import('./demo.js'), import('../../stack/progress.js')]);
      const progress = progressOn(process.stdout);
      try {
        const command = `npx tidemark ${process.argv.slice(2).join(' ')}`;
        done((await demo({ record: record ?? null, runs, command }, progress)) ? 0 : 1);
      } finally {
        progress.close();
      }
    });
}
