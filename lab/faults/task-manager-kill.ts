/** kill -9 of the TaskManager: what it had not committed is rolled back, and folded again by its successor. */
import type { Fault, FlinkTarget } from './fault.js';
import { untilRunning } from './flink-job.js';

export function taskManagerKill({ processes: { taskmanager }, flink }: FlinkTarget): Fault {
  return {
    name: 'kill taskmanager',
    inject: () => taskmanager.kill9(),
    heal: async () => {
      await taskmanager.start();
      await untilRunning(flink);
    },
    isActive: async () => !taskmanager.isAlive,
  };
}
