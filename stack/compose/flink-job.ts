/** The service `flink-job` of docker-compose.yml: keeps the job running until it is told to end. */
import { basename } from 'node:path';
import { jobArguments } from '../flink/arguments.js';
import { CheckpointFolder } from '../flink/checkpoints.js';
import { JobKeeper } from '../flink/keeper.js';
import { FlinkRest } from '../flink/rest.js';

function variable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  process.stderr.write(`flink-job: ${name} is not set.\n`);
  process.exit(1);
}

const folder = variable('FLINK_CHECKPOINT_FOLDER');
const jar = variable('FLINK_JOB_JAR');
const keeper = new JobKeeper({
  rest: new FlinkRest(variable('FLINK_URL')),
  checkpoints: new CheckpointFolder(folder),
  jar,
  args: jobArguments(
    { KAFKA_BROKERS: variable('KAFKA_BROKERS'), FLINK_CHECKPOINT_STORAGE: `file://${folder}` },
    process.env,
  ),
  say: (sentence) => process.stdout.write(`flink-job: ${sentence}\n`),
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void keeper.stop());
process.stdout.write(`flink-job: keeps ${basename(jar)} running\n`);
keeper.start();
