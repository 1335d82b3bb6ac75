/** The Flink job is stopped in order, all its output committed, and begun again from where it was: an upgrade. */
import type { Fault, FlinkTarget } from './fault.js';
import { untilRunning } from './flink-job.js';

export function jobRestart({ flink }: Pick<FlinkTarget, 'flink'>): Fault {
  let from: string | null = null;
  return {
    name: 'restart-job jobmanager',
    inject: async () => {
      from = await flink.stopWithSavepoint();
    },
    heal: async () => {
      if (from !== null) await flink.restartFrom(from);
      from = null;
      await untilRunning(flink);
    },
    isActive: async () => from !== null,
  };
}
