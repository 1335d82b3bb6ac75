/** Our own programs: one image, started with what the stack starts them with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { appSpec, sourceProgram, type AppName } from '../apps.js';
import { REPOSITORY } from '../paths.js';
import { PORT_NAMES, type Ports } from '../ports.js';
import { TOPICS } from '../settings.js';
import {
  ADDRESSES,
  CONNECT_PASSWORD_REFERENCE,
  MONGODB_HOST,
  OWN_DATA,
  SERVER_PORT,
  SUPERUSER_URL,
  TOKEN,
} from './network.js';
import { check, completed, healthy, lasting, literal, oneShot, type HealthCheck, type Service } from './service.js';

const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };

export const OWN_IMAGE = `tidemark:${version}`;
export const TSX = ['node', '--import', 'tsx'];

/** None of them needs a privilege or writes anywhere but in its volume. */
export const confined = {
  image: OWN_IMAGE,
  init: true,
  read_only: true,
  tmpfs: ['/tmp'],
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
};

/** The stack's own way to start a program, with the addresses of the compose network. */
function program(name: AppName): { command: string[]; environment: Record<string, string> } {
  const ports = Object.fromEntries(PORT_NAMES.map((port) => [port, SERVER_PORT])) as unknown as Ports;
  const spec = appSpec(
    { ports, env: {}, stackId: '', folder: (folder) => `${OWN_DATA}/${folder}`, log: () => '' },
    name,
    ADDRESSES,
    {},
    sourceProgram,
  );
  const environment = Object.entries(spec.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  return {
    command: ['node', ...spec.args.map((arg) => arg.replace(`${REPOSITORY}/`, ''))],
    environment: Object.fromEntries(environment) as Record<string, string>,
  };
}

/** Records keep coming: a process that runs is no proof of flow. */
export const flows = (topic: string): HealthCheck =>
  check([...TSX, 'stack/compose/flows.ts', topic, '60'].join(' '), { interval: '30s', timeout: '20s', retries: 4 });

export const topicNamed = (name: string): string => {
  const topic = TOPICS.find((each) => each.name === name);
  if (topic === undefined) throw new Error(`no topic ${name}`);
  return topic.name;
};

/** Topics, role and database, migrations, slot, replica set, connector. */
export const setup = (): Service =>
  oneShot({
    ...confined,
    // Built once, here; the others use it.
    build: { context: '.' },
    command: [...TSX, 'stack/compose/setup.ts'],
    environment: {
      KAFKA_BROKERS: ADDRESSES.kafkaBrokers,
      CONNECT_URL: ADDRESSES.connectUrl,
      POSTGRES_URL: ADDRESSES.postgresUrl,
      POSTGRES_SUPERUSER_URL: SUPERUSER_URL,
      MONGODB_HOST,
      CONNECT_PASSWORD_REFERENCE: literal(CONNECT_PASSWORD_REFERENCE),
      SETUP_NOTES: `${OWN_DATA}/run`,
    },
    // A note that survives a crash between "new slot" and "old offsets forgotten".
    volumes: [`setup-notes:${OWN_DATA}/run`],
    depends_on: healthy('kafka', 'connect', 'postgres', 'mongodb'),
    mem_limit: '384m',
  });

export const processor = (): Service =>
  lasting({
    ...confined,
    ...program('processor'),
    volumes: [`processor-state:${OWN_DATA}/processor`],
    // Its heartbeat is in its results.
    healthcheck: flows(topicNamed('results.kafka-only')),
    depends_on: { ...healthy('kafka'), ...completed('setup') },
    mem_limit: '768m',
  });

export const generator = (): Service =>
  lasting({
    ...confined,
    ...program('generator'),
    healthcheck: flows(topicNamed('orders.events')),
    depends_on: { ...healthy('kafka'), ...completed('setup') },
    mem_limit: '384m',
  });

export function server(): Service {
  const { command, environment } = program('server');
  return lasting({
    ...confined,
    command,
    environment: {
      ...environment,
      // Inside its container everything is another machine, so it asks for the token.
      TIDEMARK_HOST: '0.0.0.0',
      TIDEMARK_TOKEN: TOKEN,
      LOG_LEVEL: '${LOG_LEVEL:-info}',
    },
    ports: [`\${TIDEMARK_BIND:-127.0.0.1}:\${TIDEMARK_PORT:-4000}:${SERVER_PORT}`],
    // The image's own check, said again: one file shows them all.
    healthcheck: check(`node stack/compose/ready.mjs ${SERVER_PORT}`, { timeout: '5s' }),
    depends_on: {
      ...healthy('kafka', 'connect', 'postgres', 'mongodb', 'elasticsearch', 'clickhouse'),
      ...completed('setup'),
    },
    mem_limit: '1g',
  });
}
