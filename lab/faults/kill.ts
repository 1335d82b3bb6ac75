/** kill -9: nothing is flushed, nothing is said; it stays down until it is healed. */
import type { Fault, Target, VictimName } from './fault.js';

export function kill(target: Target, who: VictimName): Fault {
  const victim = target.processes[who];
  return {
    name: `kill ${who}`,
    inject: () => victim.kill9(),
    heal: () => victim.start(),
    isActive: async () => !victim.isAlive,
  };
}
