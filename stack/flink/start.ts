/** Flink in the stack: two processes, and the job that runs in them. */
import { mkdirSync } from 'node:fs';
import { installFlink } from '../install/flink.js';
import { installFlinkJob } from '../install/flink-job.js';
import type { ComponentSpec } from '../process/component.js';
import type { Step } from '../progress.js';
import type { ServerContext } from '../servers/context.js';
import { checkpointFolder, flinkUrl, jobmanagerSpec, taskmanagerSpec } from '../servers/flink.js';
import { jobArguments } from './arguments.js';
import { CheckpointFolder } from './checkpoints.js';
import { JobControl } from './control.js';
import { JobKeeper } from './keeper.js';
import { FlinkRest } from './rest.js';

const RUNNING_WITHIN_MS = 180_000;

export interface FlinkParts {
  readonly context: ServerContext;
  readonly cache: string;
  readonly kafkaBrokers: string;
  readonly step: Step;
  readonly say: (sentence: string) => void;
  readonly signal: AbortSignal;
  /** Added to, or instead of, what the job is submitted with. */
  readonly job: Readonly<Record<string, string>>;
  readonly run: (spec: ComponentSpec) => Promise<void>;
}

/**
 * @param installed what is installed before: several Mavens at once fetch the same files
 * @param topics exist when this resolves; the cluster starts beside them
 */
export async function startFlink(
  parts: FlinkParts,
  java: string,
  installed: Promise<unknown>,
  topics: Promise<unknown>,
  onKeeper: (keeper: JobKeeper) => void,
): Promise<JobControl> {
  const { context, cache, kafkaBrokers, step, say, signal, run } = parts;
  await installed;
  const lib = await installFlink(cache, step, signal);
  const jar = await installFlinkJob(cache, step, signal);
  step.update('starting', 0.4);
  const root = checkpointFolder(context.folder('flink'));
  mkdirSync(root, { recursive: true });
  await Promise.all([run(jobmanagerSpec(context, java, lib)), run(taskmanagerSpec(context, java, lib)), topics]);
  step.update('the job is being submitted', 0.8);
  const rest = new FlinkRest(flinkUrl(context.ports.flink));
  const checkpoints = new CheckpointFolder(root);
  const args = jobArguments(
    { KAFKA_BROKERS: kafkaBrokers, FLINK_CHECKPOINT_STORAGE: `file://${root}`, ...parts.job },
    context.env,
  );
  const keeper = new JobKeeper({ rest, checkpoints, jar, args, say });
  onKeeper(keeper);
  keeper.start();
  await keeper.untilRunning(RUNNING_WITHIN_MS, signal);
  step.done('ready');
  return new JobControl({ rest, checkpoints, keeper, jar, args });
}
