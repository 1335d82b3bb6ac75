/** Flink: the stack's settings, in the words of its image, and who keeps the job running. */
import { FLINK_JOB, FLINK_SETTINGS } from '../settings.js';
import { IMAGES } from './images.js';
import { ADDRESSES } from './network.js';
import { confined, flows, OWN_IMAGE, topicNamed, TSX } from './programs.js';
import { check, completed, healthy, lasting, oneShot, type Service } from './service.js';

const CHECKPOINTS = '/opt/flink/checkpoints';
const VOLUME = `flink-checkpoints:${CHECKPOINTS}`;
/** The user of Flink's image, to whom the checkpoints belong. */
const FLINK_USER = '9999:9999';
/** Where the Dockerfile puts it. */
export const JOB_JAR = '/app/flink/tidemark-flink-job.jar';
const base = { image: IMAGES.flink.tag, volumes: [VOLUME] };

/** Of each process only the whole is said: the image's scripts work out the parts. */
const properties = (own: Readonly<Record<string, string>>): string =>
  Object.entries({
    'jobmanager.rpc.address': 'flink-jobmanager',
    ...own,
    ...FLINK_SETTINGS,
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
    entrypoint: ['chown', FLINK_USER, CHECKPOINTS],
    mem_limit: '64m',
  });

export const flinkJobmanager = (): Service =>
  lasting({
    ...base,
    command: ['jobmanager'],
    environment: { FLINK_PROPERTIES: properties({ 'jobmanager.memory.process.size': '768m' }) },
    healthcheck: check('wget -q -O /dev/null http://localhost:8081/overview'),
    depends_on: { ...completed('flink-volume'), ...healthy('kafka') },
    mem_limit: '896m',
  });

export const flinkTaskmanager = (): Service =>
  lasting({
    ...base,
    command: ['taskmanager'],
    environment: { FLINK_PROPERTIES: properties({ 'taskmanager.memory.process.size': '1024m' }) },
    // It has registered with the JobManager.
    healthcheck: check(`wget -q -O - ${ADDRESSES.flinkUrl}/taskmanagers | grep -q '"id"'`),
    depends_on: healthy('flink-jobmanager'),
    mem_limit: '1280m',
  });

/** Submits the job, and again after the JobManager was away, from the newest checkpoint. */
export const flinkJob = (): Service =>
  lasting({
    ...confined,
    image: OWN_IMAGE,
    user: FLINK_USER,
    command: [...TSX, 'stack/compose/flink-job.ts'],
    environment: {
      KAFKA_BROKERS: ADDRESSES.kafkaBrokers,
      FLINK_URL: ADDRESSES.flinkUrl,
      FLINK_JOB_JAR: JOB_JAR,
      FLINK_CHECKPOINT_FOLDER: CHECKPOINTS,
      ...FLINK_JOB,
    },
    volumes: [VOLUME],
    // Each subtask sends a heartbeat with every checkpoint.
    healthcheck: flows(topicNamed('results.flink')),
    depends_on: { ...healthy('kafka', 'flink-jobmanager', 'flink-taskmanager'), ...completed('setup') },
    mem_limit: '384m',
  });
