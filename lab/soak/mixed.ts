/**
 * The mixed run (contract.md §10): workload → fault → heal → … → quiet → final read → verdict. Real servers on ports and folders
 * of their own; a recorder watches from outside; faults come one after the other, now and then two at once.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { REPOSITORY } from '../../stack/paths.js';
import type { Component } from '../../stack/process/component.js';
import type { Step } from '../../stack/progress.js';
import { startStack, type TestStack } from '../../test/harness/stack.js';
import { missingResults } from '../checkers/missing.js';
import { catalogue, type Fault } from '../faults/index.js';
import { readHistory } from '../history/file.js';
import { chance, now, pause } from '../history/now.js';
import { Recorder } from '../history/record.js';
import { planOf } from './plan.js';
import type { Judgement } from './report.js';
import { startSecondServer, type SecondServer } from './second-server.js';

export interface MixedOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Requests of readers per second. */
  readonly reads: number;
  /** Events of the generator per second. */
  readonly events: number;
  readonly runs: string;
  /** Bound of p99(claimed − true staleness) without faults; null: the contract's. */
  readonly staleP99Ms: number | null;
  readonly keep: boolean;
}

export interface MixedRun {
  readonly judgement: Judgement;
  readonly faults: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  readonly minutes: number;
}

const SESSIONS = 8;
const QUIET_MS = 300_000;
/** Of the run, but no more than half a minute: just-in-time compilers are done, and caches filled. What is read meanwhile is checked like all else, but says not how useful claims are. */
const WARM = { share: 0.15, mostMs: 30_000 };
/** Of the run, but no more than a minute: how useful claims are is measured before the first fault. */
const CALM = { share: 0.15, mostMs: 60_000 };
/** Memory of the checkers. */
const HEAP_MB = 12_288;
const PROCESSES = [
  'processor',
  'generator',
  'jobmanager',
  'taskmanager',
  'server',
  'connect',
  'kafka',
  'postgres',
] as const;
const STORES = ['mongodb', 'elasticsearch', 'clickhouse'] as const;

export class MixedRunner {
  private readonly counts = new Map<string, number>();
  private readonly notes: string[] = [];
  private readonly random: () => number;
  private over = false;
  private began = now().mono;

  constructor(
    private readonly options: MixedOptions,
    private readonly step: Step,
  ) {
    this.random = chance(options.seed);
  }

  /** No more faults: what was seen is judged. */
  end(): void {
    this.over = true;
  }

  async run(): Promise<MixedRun> {
    this.step.update('starting the servers', 0);
    const stack = await startStack({ without: ['generator'], flink: {} });
    let second: SecondServer | null = null;
    let recorder: Recorder | null = null;
    try {
      second = await startSecondServer(stack);
      recorder = this.recorderOf(stack, second);
      await recorder.start();
      await this.load(stack);
      this.began = now().mono;
      await this.rounds(stack, second, recorder);
      await stack.processes.generator.stop();
      this.say(recorder, 'waiting for quiet, then the final read');
      const minutes = (now().mono - this.began) / 60_000;
      if (!(await recorder.finish(QUIET_MS))) this.notes.push('It did not become quiet at the end.');
      return { minutes, ...(await this.judged(stack, second, recorder.folder)) };
    } finally {
      await recorder?.stop().catch(() => undefined);
      await second?.component.stop();
      await stack.stop();
    }
  }

  private recorderOf(stack: TestStack, second: SecondServer): Recorder {
    return new Recorder({
      servers: [stack.graphqlUrl, second.graphqlUrl],
      brokers: stack.kafkaBrokers,
      stores: {
        postgres: stack.postgresUrl,
        mongodb: stack.mongoUrl,
        elasticsearch: stack.elasticsearchUrl,
        clickhouse: stack.clickhouseUrl,
      },
      runs: this.options.runs,
      seed: this.options.seed,
      rate: this.options.reads,
      sessions: SESSIONS,
      missing: async (folder) => missingResults(await readHistory(folder, ['answer', 'poll'])),
    });
  }

  private async load(stack: TestStack): Promise<void> {
    const { seed, events } = this.options;
    const rate = ['--backfill-minutes', '0', '--rate', String(events), '--symbols', '100', '--seed', String(seed)];
    await stack.startApp('generator', {
      args: [...rate, '--late', '0.01', '--too-late', '0.002', '--poison', '0.0005'],
    });
  }

  private async rounds(stack: TestStack, second: SecondServer, recorder: Recorder): Promise<void> {
    const length = this.options.minutes * 60_000;
    const left = (): number => (this.over ? 0 : length - (now().mono - this.began));
    const part = ({ share, mostMs }: typeof CALM): number => Math.min(mostMs, length * share);
    await this.wait(part(WARM), recorder, left, 'no fault, getting warm');
    recorder.warm();
    await this.wait(part(CALM), recorder, left);
    const faults = new Map(catalogue(stack).map((fault) => [fault.name, fault]));
    for (const round of planOf([...faults.keys()], this.random)) {
      if (left() <= 0) return;
      const chosen = round.faults.flatMap((name) => faults.get(name) ?? []);
      await this.round(chosen, round.holdMs, recorder, left);
      await this.allUp(stack, second);
      await this.wait(round.pauseMs, recorder, left);
    }
  }

  private async round(faults: readonly Fault[], holdMs: number, recorder: Recorder, left: () => number): Promise<void> {
    // What speaks to the connector needs the others: first on, last off.
    const ordered = [...faults].sort((a, b) => Number(a.name.includes(' ')) - Number(b.name.includes(' ')));
    const on: { fault: Fault; over: () => void }[] = [];
    for (const fault of ordered) {
      this.say(recorder, fault.name);
      on.push({ fault, over: recorder.fault(fault.name) });
      await fault
        .inject()
        .catch((error: unknown) => this.note(`${fault.name} could not be injected: ${String(error)}`));
      this.counts.set(fault.name, (this.counts.get(fault.name) ?? 0) + 1);
    }
    await this.wait(holdMs, recorder, left, ordered.map(({ name }) => name).join(' and '));
    for (const { fault, over } of on.reverse()) {
      await fault.heal().catch((error: unknown) => this.note(`${fault.name} did not heal at once: ${String(error)}`));
      over();
    }
  }

  /** Supervision gives up what ends too often in a row: then it is started again, and said. */
  private async allUp(stack: TestStack, second: SecondServer): Promise<void> {
    const wanted: [string, Component][] = [...PROCESSES, ...STORES].map((name) => [name, stack.processes[name]]);
    for (const [name, component] of [...wanted, ['second server', second.component] as [string, Component]]) {
      if (component.isAlive) continue;
      this.note(`${name} had ended by itself and was started again`);
      await component.start().catch((error: unknown) => this.note(`${name}: ${String(error)}`));
    }
  }

  private async wait(ms: number, recorder: Recorder, left: () => number, what = 'no fault'): Promise<void> {
    const end = now().mono + ms;
    while (now().mono < end && left() > 0) {
      this.say(recorder, what);
      await pause(Math.min(500, end - now().mono));
    }
  }

  private say(recorder: Recorder, what: string): void {
    const share = Math.min(1, (now().mono - this.began) / (this.options.minutes * 60_000));
    const { answers, claims, position } = recorder.recorded;
    const faults = [...this.counts.values()].reduce((a, b) => a + b, 0);
    this.step.update(`${answers} answers, ${claims} claims, position ${position}, ${faults} faults · ${what}`, share);
  }

  private note(text: string): void {
    this.notes.push(`${((now().mono - this.began) / 1000).toFixed(0)} s: ${text}`);
  }

  /** The servers are no longer needed: the checkers get the machine for themselves. */
  private async judged(
    stack: TestStack,
    second: SecondServer,
    folder: string,
  ): Promise<Pick<MixedRun, 'judgement' | 'faults' | 'notes'>> {
    this.step.update('stopping the servers', 1);
    await second.component.stop();
    await Promise.all([...PROCESSES, ...STORES].map((name) => stack.processes[name].stop()));
    this.step.update('judging', 1);
    const { staleP99Ms, keep } = this.options;
    const args = ['--import', 'tsx', `--max-old-space-size=${HEAP_MB}`, 'lab/soak/judge.ts', folder];
    await execa(process.execPath, [...args, ...(staleP99Ms === null ? [] : [String(staleP99Ms)])], {
      cwd: REPOSITORY,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const judgement = JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8')) as Judgement;
    const lied = judgement.verdicts.some(({ violated }) => violated > 0);
    if (!keep && !lied && judgement.quiet) rmSync(folder, { recursive: true });
    else this.notes.push(`The history was kept: ${folder}`);
    return { judgement, faults: Object.fromEntries([...this.counts].sort()), notes: this.notes };
  }
}
