/** kill -9 of the TaskManager: what it had not committed is rolled back, and folded again by its successor. */
import type { Fault, FlinkTarget } from './fault.js';
import { untilRunning } from './flink-job.js';

export const taskManagerKill = (target: FlinkTarget): Fault => killed('kill', target, () => Promise.resolve());

/**
 * The same in the moment between pre-commit and commit: the checkpoint is whole, so the job goes on from it, and its
 * transactions, or some of them, are still open: whoever comes next has to commit what it has not written.
 */
export const taskManagerKillAtCommit = (target: FlinkTarget): Fault =>
  killed('kill-at-commit', target, () => target.flink.checkpointWritten());

function killed(kind: string, { processes: { taskmanager }, flink }: FlinkTarget, when: () => Promise<void>): Fault {
  return {
    name: `${kind} taskmanager`,
    inject: async () => {
      await when();
      await taskmanager.kill9();
    },
    heal: async () => {
      await taskmanager.start();
      await untilRunning(flink);
    },
    isActive: async () => !taskmanager.isAlive,
  };
}
