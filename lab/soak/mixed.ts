/** The soak: the lab's mixed scenario (lab/runner) on whatever a stack can be hit by from outside, at the soak's own rates. */
import { rmSync } from 'node:fs';
import type { Step } from '../../stack/progress.js';
import { Drive, judged } from '../runner/drive.js';
import { plainGround } from '../runner/ground.js';
import { generatorArguments } from '../workloads/streams.js';
import type { Judgement } from './report.js';

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

export class MixedRunner {
  private readonly drive: Drive;

  constructor(
    private readonly options: MixedOptions,
    private readonly step: Step,
  ) {
    const { minutes, seed, reads, events, runs } = options;
    const stream = generatorArguments('uniform', { rate: events, seed, poison: 0.0005 });
    this.drive = new Drive({ ...{ minutes, seed, reads, runs, stream }, has: () => true, workloads: false }, step);
  }

  /** No more faults: what was seen is judged. */
  end(): void {
    this.drive.end();
  }

  async run(): Promise<MixedRun> {
    this.step.update('starting the servers', 0);
    const ground = await plainGround();
    try {
      const { folder, ...driven } = await this.drive.run(ground);
      // The servers are no longer needed: the checkers get the machine for themselves.
      this.step.update('stopping the servers', 1);
      await ground.quiesce();
      this.step.update('judging', 1);
      const judgement = await judged(folder, this.options.staleP99Ms);
      const lied = judgement.verdicts.some(({ violated }) => violated > 0);
      const remove = !this.options.keep && !lied && judgement.quiet;
      if (remove) rmSync(folder, { recursive: true });
      const notes = [...driven.notes, ...(remove ? [] : [`The history was kept: ${folder}`])];
      return { ...driven, judgement, notes };
    } finally {
      await ground.stop();
    }
  }
}
