/** The connector is stopped: its task is gone and its slot inactive, until it is resumed. */
import { Connector } from './connector.js';
import type { Fault, Target } from './fault.js';

export function cdcStop(target: Target): Fault {
  const connector = new Connector(target.connectUrl);
  return {
    name: 'cdc-stop',
    inject: () => connector.become('stop', 'STOPPED'),
    heal: () => connector.become('resume', 'RUNNING'),
    isActive: async () => (await connector.states())?.[0] === 'STOPPED',
  };
}
