/** SIGSTOP of the TaskManager: checkpoints hang and time out; held for longer than heartbeats may fail, it is given up. */
import type { Fault, FlinkTarget } from './fault.js';
import { untilRunning } from './flink-job.js';
import { freezeOf } from './freeze.js';

export function taskManagerPause({ processes: { taskmanager }, flink }: FlinkTarget): Fault {
  const freeze = freezeOf('taskmanager', taskmanager);
  return {
    ...freeze,
    heal: async () => {
      await freeze.heal();
      await untilRunning(flink);
    },
  };
}
