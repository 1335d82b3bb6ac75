/** A run on servers with a seeded bug: who finds it? */
import { resolve } from 'node:path';
import { REPOSITORY } from '../../stack/paths.js';
import type { Step } from '../../stack/progress.js';
import type { Bug } from '../bugs/bugs.js';
import { Drive, judged } from './drive.js';
import { labGround } from './ground.js';

export interface Found {
  readonly folder: string;
  /** By the checker and one of the sentences that must find it. */
  readonly caught: boolean;
  /** All sentences that were found false, and how often. */
  readonly by: readonly string[];
}

const SEED = 1;
/** Twice: while it gets warm, and then. Milliseconds. */
const CALM_MS = 8_000;
const CLAIMS = 5_000;
const LIMITS = { pairs: 0, holdMs: [1_000, 2_000], pauseMs: [1_500, 2_500] } as const;
const READS = 20;
/** Few symbols: what is read has often changed a moment ago. */
const STREAM = ['--backfill-minutes', '0', '--rate', '30', '--seed', String(SEED), '--symbols', '20', '--late', '0.01'];

/** Without Flink: it starts sooner, and no bug of these needs it. */
export async function findBug(bug: Bug, runs: string, step: Step): Promise<Found> {
  step.update('starting the servers', 0);
  const ground = await labGround({ flink: false, bug });
  try {
    const drive = new Drive(
      {
        ...{ minutes: null, times: bug.times, seed: SEED, reads: READS, runs: resolve(REPOSITORY, runs) },
        stream: STREAM,
        ...{
          has: (fault) => bug.faults.includes(fault),
          limits: LIMITS,
          calmMs: CALM_MS,
          calmClaims: CLAIMS,
          ...(bug.kinds && { kinds: bug.kinds }),
          workloads: false,
        },
      },
      step,
    );
    const { folder } = await drive.run(ground);
    step.update('judging', 1);
    await ground.quiesce();
    const { verdicts } = await judged(folder, null);
    const { checker, sentences } = bug.caughtBy;
    const said = verdicts.flatMap((verdict) =>
      Object.entries(verdict.violatedBy ?? {}).map(([sentence, times]) => ({
        checker: verdict.checker,
        sentence,
        times,
      })),
    );
    const caught = said.some((one) => one.checker === checker && sentences.includes(one.sentence));
    const by = said.map((one) => `${one.checker}/${one.sentence} (${one.times})`);
    step.done(`${caught ? 'caught' : 'not caught'}: ${by.join(', ')}`);
    return { folder, caught, by };
  } finally {
    await ground.stop();
  }
}
