/**
 * The job is restored from state that is older than what it has committed since: it emits all of that once more. It is on from
 * the restore until it has been healed, though nothing is left to undo then.
 */
import type { Fault, FlinkTarget } from './fault.js';
import { untilRunning } from './flink-job.js';

/** Completed after what it is restored from. */
const CHECKPOINTS = 3;

export function olderCheckpoint({ flink }: Pick<FlinkTarget, 'flink'>): Fault {
  let active = false;
  return {
    name: 'older-checkpoint jobmanager',
    inject: async () => {
      const older = await flink.savepoint();
      await flink.checkpointsLater(CHECKPOINTS);
      await flink.restartFrom(older);
      active = true;
    },
    heal: async () => {
      await untilRunning(flink);
      active = false;
    },
    isActive: async () => active,
  };
}
