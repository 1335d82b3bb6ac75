/** The connector is paused: its slot stays active, and the read models fall behind. */
import { Connector } from './connector.js';
import type { Fault, Target } from './fault.js';

export function cdcPause(target: Target): Fault {
  const connector = new Connector(target.connectUrl);
  return {
    name: 'cdc-pause',
    inject: () => connector.become('pause', 'PAUSED'),
    heal: () => connector.become('resume', 'RUNNING'),
    isActive: async () => (await connector.states())?.[0] === 'PAUSED',
  };
}
