/** Waiting for the Flink job, on which a healed fault ends. */
import type { FlinkJob } from './fault.js';

const RUNNING_MS = 180_000;

/** @throws Error when it does not run, with all its tasks, within its time */
export async function untilRunning(job: FlinkJob): Promise<void> {
  const end = performance.now() + RUNNING_MS;
  while (performance.now() < end) {
    if (await job.isRunning()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the Flink job does not run after ${RUNNING_MS / 1000} s`);
}
