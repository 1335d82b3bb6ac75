/**
 * One run (contract.md §10): workload → fault → heal → … → quiet → final read → verdict. Real servers on ports and folders of
 * their own; a recorder watches from outside; faults come one after the other, now and then two at once.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { builtProgram } from '../../stack/apps.js';
import { REPOSITORY } from '../../stack/paths.js';
import type { Step } from '../../stack/progress.js';
import { SEQUENCES, TRANSFERS } from '../checkers/workloads.js';
import { missingResults } from '../checkers/missing.js';
import type { Fault } from '../faults/index.js';
import { readHistory } from '../history/file.js';
import { chance, now, pause } from '../history/now.js';
import { overHttp, type Way } from '../history/channel.js';
import { Recorder } from '../history/record.js';
import { FILES } from '../report/files.js';
import { LIMITS, planOf, type PlanLimits } from '../soak/plan.js';
import type { Judgement } from '../soak/report.js';
import { overSdk, overWebSocket } from '../workloads/ways.js';
import { sequences, transfers, Writer } from '../workloads/writers.js';
import type { Ground } from './ground.js';

export interface DriveOptions {
  /** null: until each fault has come `times`. */
  readonly minutes: number | null;
  /** Left out: once. */
  readonly times?: number;
  readonly seed: number;
  /** Requests of readers per second. */
  readonly reads: number;
  /** Arguments of the generator. */
  readonly stream: readonly string[];
  /** Those of the ground that come. */
  readonly has: (fault: string) => boolean;
  readonly limits?: Partial<PlanLimits>;
  /** How long it gets warm, and how long it is measured without faults; left out: shares of the run. Milliseconds. */
  readonly calmMs?: number;
  /** So many claims are read before the first fault, however slow the machine is; left out: as many as come. */
  readonly calmClaims?: number;
  /** Readers ask for keys of these kinds; left out: all. */
  readonly kinds?: readonly string[];
  /** Beside the generator's orders: transfers and sequences, and clients by every way. */
  readonly workloads: boolean;
  /** Each run gets a folder of its own in it. */
  readonly runs: string;
}

export interface Driven {
  readonly folder: string;
  readonly minutes: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

const SESSIONS = 8;
/** Half of the clients by plain HTTP, the others by WebSocket and by the SDK. */
const WAYS: readonly [Way, ...Way[]] = [overHttp, overWebSocket, overHttp, overSdk];
const TRANSFER_EVERY_MS = 500;
const SEQUENCE_EVERY_MS = 300;
const QUIET_MS = 300_000;
/**
 * Of the run, but no more than half a minute: just-in-time compilers are done, and caches filled. What is read meanwhile is
 * checked like all else, but says not how useful claims are. A run of one deck of faults has no length to take a share of.
 */
const WARM = { share: 0.15, mostMs: 30_000, ofDeckMs: 15_000 };
/** Of the run, but no more than a minute: how useful claims are is measured before the first fault. */
const CALM = { share: 0.15, mostMs: 60_000, ofDeckMs: 15_000 };

/** A machine on which nothing is heard for so long is no machine for it. */
const CLAIMS_MS = 180_000;

export class Drive {
  private readonly counts = new Map<string, number>();
  private readonly notes: string[] = [];
  private readonly random: () => number;
  private over = false;
  private began = now().mono;
  /** From 0 to 1. */
  private share = (): number => 0;

  constructor(
    private readonly options: DriveOptions,
    private readonly step: Step,
  ) {
    this.random = chance(options.seed);
  }

  /** No more faults: what was seen is judged. */
  end(): void {
    this.over = true;
  }

  /** Returns once the end is quiet and all was read once more, or that has taken too long, which is then noted. */
  async run(ground: Ground): Promise<Driven> {
    const recorder = this.recorderOf(ground);
    const writers = this.options.workloads ? this.writersOf(ground) : [];
    try {
      await recorder.start();
      await ground.stack.startApp('generator', { args: this.options.stream });
      for (const writer of writers) await writer.start();
      this.began = now().mono;
      await this.rounds(ground, recorder);
      await ground.stack.processes.generator.stop();
      await this.stopped(writers.splice(0));
      this.say(recorder, 'waiting for quiet, then the final read');
      const minutes = (now().mono - this.began) / 60_000;
      if (!(await recorder.finish(QUIET_MS))) this.notes.push('It did not become quiet at the end.');
      const faults = Object.fromEntries([...this.counts].sort());
      return { folder: recorder.folder, minutes, faults, notes: this.notes };
    } finally {
      await this.stopped(writers);
      await recorder.stop().catch(() => undefined);
    }
  }

  private writersOf({ stack }: Ground): Writer[] {
    const { seed } = this.options;
    const name = Date.now().toString(36);
    return [
      new Writer(stack.kafkaBrokers, transfers(seed, `transfer-${name}`), TRANSFER_EVERY_MS),
      new Writer(stack.kafkaBrokers, sequences(seed, name), SEQUENCE_EVERY_MS),
    ];
  }

  private async stopped(writers: readonly Writer[]): Promise<void> {
    for (const writer of writers)
      await writer
        .stop()
        .catch((error: unknown) => this.note(`a workload was not written to its end: ${String(error)}`));
  }

  private recorderOf({ stack, servers }: Ground): Recorder {
    const { reads, seed, runs, kinds } = this.options;
    return new Recorder({
      servers,
      brokers: stack.kafkaBrokers,
      stores: {
        postgres: stack.postgresUrl,
        mongodb: stack.mongoUrl,
        elasticsearch: stack.elasticsearchUrl,
        clickhouse: stack.clickhouseUrl,
      },
      ...{ runs, seed, rate: reads, sessions: SESSIONS, ...(kinds && { kinds }) },
      ...(this.options.workloads && { ways: WAYS, workloads: [TRANSFERS, SEQUENCES] }),
      missing: async (folder) => missingResults(await readHistory(folder, ['answer', 'poll'])),
    });
  }

  private async rounds(ground: Ground, recorder: Recorder): Promise<void> {
    const faults = new Map(ground.faults.filter(({ name }) => this.options.has(name)).map((one) => [one.name, one]));
    const length = this.options.minutes === null ? null : this.options.minutes * 60_000;
    const left = (): boolean => !this.over && (length === null || now().mono - this.began < length);
    const { times = 1 } = this.options;
    const done = (): number =>
      [...faults.keys()].reduce((sum, name) => sum + Math.min(times, this.counts.get(name) ?? 0), 0);
    const all = faults.size * times;
    this.share = () => (length === null ? done() / Math.max(1, all) : (now().mono - this.began) / length);
    const part = ({ share, mostMs, ofDeckMs }: typeof CALM): number =>
      this.options.calmMs ?? (length === null ? ofDeckMs : Math.min(mostMs, length * share));
    await this.wait(part(WARM), recorder, left, 'no fault, getting warm');
    recorder.warm();
    await this.wait(part(CALM), recorder, left);
    await this.heard(recorder, left);
    // Without faults, too, there is something to see.
    if (faults.size === 0) return;
    for (const round of planOf([...faults.keys()], this.random, { ...LIMITS, ...this.options.limits })) {
      if (!left() || (length === null && done() === all)) return;
      const chosen = round.faults.flatMap((name) => faults.get(name) ?? []);
      await this.round(chosen, round.holdMs, recorder, left);
      await this.allUp(ground);
      await this.wait(round.pauseMs, recorder, left);
    }
  }

  private async heard(recorder: Recorder, left: () => boolean): Promise<void> {
    const end = now().mono + CLAIMS_MS;
    const { calmClaims = 0 } = this.options;
    while (recorder.recorded.claims < calmClaims && now().mono < end && left()) await this.wait(500, recorder, left);
  }

  private async round(
    faults: readonly Fault[],
    holdMs: number,
    recorder: Recorder,
    left: () => boolean,
  ): Promise<void> {
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
  private async allUp(ground: Ground): Promise<void> {
    for (const [name, component] of ground.wanted()) {
      if (component.isAlive) continue;
      this.note(`${name} had ended by itself and was started again`);
      await component.start().catch((error: unknown) => this.note(`${name}: ${String(error)}`));
    }
  }

  private async wait(ms: number, recorder: Recorder, left: () => boolean, what = 'no fault'): Promise<void> {
    const end = now().mono + ms;
    while (now().mono < end && left()) {
      this.say(recorder, what);
      await pause(Math.min(500, end - now().mono));
    }
  }

  private say(recorder: Recorder, what: string): void {
    const { answers, claims, position } = recorder.recorded;
    const faults = [...this.counts.values()].reduce((a, b) => a + b, 0);
    const text = `${answers} answers, ${claims} claims, position ${position}, ${faults} faults · ${what}`;
    this.step.update(text, Math.min(1, this.share()));
  }

  private note(text: string): void {
    this.notes.push(`${((now().mono - this.began) / 1000).toFixed(0)} s: ${text}`);
  }
}

/** Memory of the checkers. */
const HEAP_MB = 12_288;

/**
 * In a process of its own, so that it has all the memory that it needs.
 * @param staleP99Ms null: the contract's
 * @param into where verdict and figures are written
 */
export async function judged(folder: string, staleP99Ms: number | null, into = folder): Promise<Judgement> {
  const args = [`--max-old-space-size=${HEAP_MB}`, ...builtProgram('judge'), folder];
  await execa(process.execPath, [...args, staleP99Ms === null ? '' : String(staleP99Ms), into], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return JSON.parse(readFileSync(join(into, FILES.verdict), 'utf8')) as Judgement;
}
