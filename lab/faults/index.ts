/** All faults that can be done to a stack now. */
import { abortedOutput } from './aborted-output.js';
import { cdcPause } from './cdc-pause.js';
import { cdcStop } from './cdc-stop.js';
import { clockOffset } from './clock-offset.js';
import { cutLink } from './cut-link.js';
import { deadLettersDown } from './dead-letters-down.js';
import { VICTIMS, type Fault, type FlinkTarget, type LabTarget, type Target, type VictimName } from './fault.js';
import { fileLimit } from './file-limit.js';
import { freeze } from './freeze.js';
import { jobManagerKill } from './job-manager-kill.js';
import { jobRestart } from './job-restart.js';
import { kill } from './kill.js';
import type { Link } from './link.js';
import { olderCheckpoint } from './older-checkpoint.js';
import { poison } from './poison.js';
import { restart } from './restart.js';
import { silentLink } from './silent-link.js';
import { slotBackend } from './slot-backend.js';
import { slowLink } from './slow-link.js';
import { taskFailure } from './task-failure.js';
import { taskManagerKill, taskManagerKillAtCommit } from './task-manager-kill.js';
import { taskManagerPause } from './task-manager-pause.js';
import { zombie } from './zombie.js';

export type { Fault, FlinkTarget, LabTarget, Target, Victim, VictimName } from './fault.js';
export { kill } from './kill.js';

const RESTARTED: readonly VictimName[] = ['processor', 'kafka', 'postgres', 'mongodb', 'elasticsearch', 'clickhouse'];
/** Read models that can be built anew: what a store without room does must cost nothing but them. */
const WITHOUT_ROOM: readonly VictimName[] = ['mongodb', 'elasticsearch', 'clickhouse'];

/** Those that any stack can be hit by. */
export const catalogue = (target: Target): Fault[] => [
  ...VICTIMS.map((who) => kill(target, who)),
  ...RESTARTED.map((who) => restart(target, who)),
  ...VICTIMS.map((who) => freeze(target, who)),
  cdcPause(target),
  cdcStop(target),
  slotBackend(target),
  ...(isWithFlink(target) ? flinkFaults(target) : []),
];

/** And those that need what the lab puts between: links, clocks, a way into the source. */
export const labCatalogue = (target: LabTarget): Fault[] => [
  ...catalogue(target),
  taskFailure(target),
  ...WITHOUT_ROOM.map((who) => fileLimit(target, who)),
  ...entries(target.links).flatMap(([to, link]) => linkFaults(to, link)),
  ...entries(target.clocks).map(([who, file]) => clockOffset(who, file)),
  zombie(target),
  poison(target),
  deadLettersDown(target),
  abortedOutput(target),
  ...(isWithFlink(target) ? [jobRestart(target)] : []),
];

export const linkFaults = (to: VictimName, link: Link): Fault[] => [
  slowLink(to, link),
  silentLink(to, link),
  cutLink(to, link),
];

const entries = <T>(record: Readonly<Partial<Record<VictimName, T>>>): [VictimName, T][] =>
  Object.entries(record) as [VictimName, T][];

const isWithFlink = (target: Target): target is Target & FlinkTarget => target.flink !== undefined;

/** Of a stack in which the Flink job runs. */
export const flinkFaults = (target: FlinkTarget): Fault[] => [
  taskManagerKill(target),
  taskManagerKillAtCommit(target),
  jobManagerKill(target),
  taskManagerPause(target),
  olderCheckpoint(target),
];
