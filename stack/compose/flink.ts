/** Flink, ready for a job: the job itself comes with a later release, so all of this is in a profile of its own. */
import { FLINK_SETTINGS } from '../settings.js';
import { IMAGES } from './images.js';
import { check, completed, healthy, lasting, oneShot, type Service } from './service.js';

const CHECKPOINTS = '/opt/flink/checkpoints';
const VOLUME = `flink-checkpoints:${CHECKPOINTS}`;
const base = { image: IMAGES.flink.tag, profiles: ['flink'], volumes: [VOLUME] };

const properties = (own: Readonly<Record<string, string>>): string =>
  Object.entries({
    'jobmanager.rpc.address': 'flink-jobmanager',
    ...own,
    ...FLINK_SETTINGS.both,
    'execution.checkpointing.dir': `file://${CHECKPOINTS}`,
    'execution.checkpointing.savepoint-dir': `file://${CHECKPOINTS}/savepoints`,
  })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');

/** The image has no such folder, so the new volume would be root's and Flink, which is not root, could not write. */
export const flinkVolume = (): Service =>
  oneShot({
    ...base,
    user: '0:0',
    entrypoint: ['chown', '9999:9999', CHECKPOINTS],
    mem_limit: '64m',
  });

export const flinkJobmanager = (): Service =>
  lasting({
    ...base,
    command: ['jobmanager'],
    environment: { FLINK_PROPERTIES: properties(FLINK_SETTINGS.jobmanager) },
    healthcheck: check('wget -q -O /dev/null http://localhost:8081/overview'),
    depends_on: { ...completed('flink-volume'), ...healthy('kafka') },
    mem_limit: '896m',
  });

export const flinkTaskmanager = (): Service =>
  lasting({
    ...base,
    command: ['taskmanager'],
    environment: { FLINK_PROPERTIES: properties(FLINK_SETTINGS.taskmanager) },
    // It has registered with the JobManager.
    healthcheck: check(`wget -q -O - http://flink-jobmanager:8081/taskmanagers | grep -q '"id"'`),
    depends_on: healthy('flink-jobmanager'),
    mem_limit: '1280m',
  });
