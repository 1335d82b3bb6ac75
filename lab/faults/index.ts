/** All faults that can be done to a stack now. */
import { cdcPause } from './cdc-pause.js';
import { cdcStop } from './cdc-stop.js';
import { VICTIMS, type Fault, type FlinkTarget, type Target, type VictimName } from './fault.js';
import { freeze } from './freeze.js';
import { jobManagerKill } from './job-manager-kill.js';
import { kill } from './kill.js';
import { olderCheckpoint } from './older-checkpoint.js';
import { restart } from './restart.js';
import { slotBackend } from './slot-backend.js';
import { taskManagerKill, taskManagerKillAtCommit } from './task-manager-kill.js';
import { taskManagerPause } from './task-manager-pause.js';

export type { Fault, FlinkTarget, Target, Victim, VictimName } from './fault.js';
export { kill } from './kill.js';

const RESTARTED: readonly VictimName[] = ['processor', 'kafka', 'postgres', 'mongodb', 'elasticsearch', 'clickhouse'];

export const catalogue = (target: Target): Fault[] => [
  ...VICTIMS.map((who) => kill(target, who)),
  ...RESTARTED.map((who) => restart(target, who)),
  ...VICTIMS.map((who) => freeze(target, who)),
  cdcPause(target),
  cdcStop(target),
  slotBackend(target),
  ...(isWithFlink(target) ? flinkFaults(target) : []),
];

const isWithFlink = (target: Target): target is Target & FlinkTarget => target.flink !== undefined;

/** Of a stack in which the Flink job runs. */
export const flinkFaults = (target: FlinkTarget): Fault[] => [
  taskManagerKill(target),
  taskManagerKillAtCommit(target),
  jobManagerKill(target),
  taskManagerPause(target),
  olderCheckpoint(target),
];
