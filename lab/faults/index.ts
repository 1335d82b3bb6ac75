/** All faults that can be done to a stack now. */
import { cdcPause } from './cdc-pause.js';
import { cdcStop } from './cdc-stop.js';
import { VICTIMS, type Fault, type Target, type VictimName } from './fault.js';
import { freeze } from './freeze.js';
import { kill } from './kill.js';
import { restart } from './restart.js';
import { slotBackend } from './slot-backend.js';

export type { Fault, Target, Victim, VictimName } from './fault.js';
export { kill } from './kill.js';

const RESTARTED: readonly VictimName[] = ['processor', 'kafka', 'postgres', 'mongodb', 'elasticsearch', 'clickhouse'];

export const catalogue = (target: Target): Fault[] => [
  ...VICTIMS.map((who) => kill(target, who)),
  ...RESTARTED.map((who) => restart(target, who)),
  ...VICTIMS.map((who) => freeze(target, who)),
  cdcPause(target),
  cdcStop(target),
  slotBackend(target),
];
