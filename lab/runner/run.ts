/** `tidemark lab run`: a scenario from its start to its report. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { REPOSITORY } from '../../stack/paths.js';
import type { Progress } from '../../stack/progress.js';
import { FILES, writeRun } from '../report/files.js';
import { writeReports } from '../report/write.js';
import { headlineOf, outcomeOf, type Outcome, type Run } from '../soak/report.js';
import { generatorArguments, type Stream } from '../workloads/streams.js';
import { Drive, judged } from './drive.js';
import { labGround } from './ground.js';
import { commit, machine } from './machine.js';
import type { Scenario } from './scenarios.js';

export interface LabOptions {
  readonly scenario: Scenario;
  /** null: until each of its faults has come `times`. */
  readonly minutes: number | null;
  readonly times: number;
  /** Where Markdown and JSON are also put, by date and scenario; null: nowhere. */
  readonly results: string | null;
  readonly seed: number;
  /** Requests of readers, and events of the generator, per second. */
  readonly reads: number;
  readonly rate: number;
  /** null: the scenario's. */
  readonly stream: Stream | null;
  /** Without it the stack starts sooner, and nothing is HIGH. */
  readonly flink: boolean;
  readonly runs: string;
  /** null: the contract's. */
  readonly staleP99Ms: number | null;
  /** As it was typed. */
  readonly command: string;
}

export interface LabResult {
  readonly folder: string;
  readonly html: string;
  readonly outcome: Outcome;
  /** How many claims were false, and what else it was for. */
  readonly headline: string;
}

/** Poisoned records come as a fault of their own; a few among the others keep the path of dead letters warm. */
const POISON = 0.0005;

export async function runScenario(options: LabOptions, progress: Progress): Promise<LabResult> {
  const { scenario, minutes, times, seed, reads, rate, staleP99Ms } = options;
  const step = progress.step('lab');
  const stream = options.stream ?? scenario.stream;
  const drive = new Drive(
    {
      ...{ minutes, times, seed, reads, has: scenario.has, workloads: true, runs: resolve(REPOSITORY, options.runs) },
      stream: generatorArguments(stream, { rate, seed, poison: POISON }),
      limits: { pairs: scenario.pairs, ...(scenario.holdMs && { holdMs: scenario.holdMs }) },
    },
    step,
  );
  const release = onSignal(() => drive.end());
  try {
    step.update('starting the servers', 0);
    const about = { command: options.command, date: new Date().toISOString(), seed, commit: await commit() };
    const ground = await labGround({ flink: options.flink });
    try {
      if (!ground.faults.some(({ name }) => scenario.has(name)))
        throw new Error(`${scenario.name} has no fault on a stack without Flink`);
      const { folder, ...driven } = await drive.run(ground);
      const what = `Lab, ${scenario.name}: ${scenario.what}`;
      const run: Run & { readonly staleP99Ms: number | null; readonly stream: Stream } = {
        ...{ what, ...about, machine: machine(), ...driven, staleP99Ms, stream },
      };
      writeRun(folder, run);
      step.update('stopping the servers', 1);
      await ground.quiesce();
      step.update('judging', 1);
      const judgement = await judged(folder, staleP99Ms);
      const outcome = outcomeOf(judgement);
      const { html } = writeReports(folder);
      if (options.results !== null) publish(folder, resolve(REPOSITORY, options.results), about.date, scenario.name);
      step.done(`${outcome}: ${join(folder, FILES.html)}`);
      return { folder, html, outcome, headline: headlineOf(judgement) };
    } finally {
      await ground.stop();
    }
  } finally {
    release();
  }
}

/** What is kept of a run for good: what it says, not its history. */
function publish(folder: string, results: string, date: string, scenario: string): void {
  mkdirSync(results, { recursive: true });
  for (const [file, ending] of [
    [FILES.markdown, 'md'],
    [FILES.json, 'json'],
  ] as const)
    copyFileSync(join(folder, file), join(results, `${date.slice(0, 10)}-lab-${scenario}.${ending}`));
}

/** The first Ctrl-C ends the faults, and what was seen is judged; the second ends everything. */
function onSignal(end: () => void): () => void {
  let asked = false;
  const hear = (): void => {
    if (asked) process.exit(130);
    asked = true;
    end();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, hear);
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, hear);
  };
}
