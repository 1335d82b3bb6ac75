/** An orderly stop, as in maintenance: connections are closed, state is flushed; down until it is healed. */
import type { Fault, Target, VictimName } from './fault.js';

export function restart(target: Target, who: VictimName): Fault {
  const victim = target.processes[who];
  return {
    name: `restart ${who}`,
    inject: () => victim.stop(),
    heal: () => victim.start(),
    isActive: async () => !victim.isAlive,
  };
}
