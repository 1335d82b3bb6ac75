/** kill -9 of the JobManager: the job is forgotten, and submitted again from its newest complete checkpoint. */
import type { Fault, FlinkTarget } from './fault.js';
import { untilRunning } from './flink-job.js';

export function jobManagerKill({ processes: { jobmanager }, flink }: FlinkTarget): Fault {
  return {
    name: 'kill jobmanager',
    inject: () => jobmanager.kill9(),
    heal: async () => {
      await jobmanager.start();
      await untilRunning(flink);
    },
    isActive: async () => !jobmanager.isAlive,
  };
}
