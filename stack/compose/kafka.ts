/** Kafka and Kafka Connect: the stack's properties, in the words of their images. */
import { connectProperties, kafkaProperties } from '../settings.js';
import { IMAGES } from './images.js';
import { ADDRESSES, CONNECT_PASSWORD_VARIABLE, POSTGRES_PASSWORD } from './network.js';
import { check, healthy, lasting, literal, type Service } from './service.js';

const HEAP_MB = { kafka: 400, connect: 300 };
const heap = (mb: number): string => `-Xms64m -Xmx${mb}m`;

/** Identity of the cluster: it stays while the volume stays, whatever happens to the containers. */
const CLUSTER_ID = 'dGlkZW1hcmstY29tcG9zZQ';
const KAFKA_DATA = '/var/lib/kafka/data';

/** The stack's broker; only where it listens and what it is called differ. */
export const brokerProperties = (): Record<string, string> => ({
  ...kafkaProperties({ port: 9092, controllerPort: 9093, logDir: KAFKA_DATA }),
  'controller.quorum.voters': '1@kafka:9093',
  listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
  'advertised.listeners': 'PLAINTEXT://kafka:9092',
});

/** The stack's worker; its addresses differ, and the password comes from the environment instead of a file. */
export function workerProperties(): Record<string, string> {
  const shared = connectProperties({
    kafkaBrokers: ADDRESSES.kafkaBrokers,
    port: 8083,
    pluginPath: '/kafka/connect',
    secretsFolder: '',
  });
  return {
    ...Object.fromEntries(Object.entries(shared).filter(([key]) => !key.startsWith('config.providers'))),
    listeners: 'http://:8083',
    'rest.advertised.host.name': 'connect',
    'config.providers': 'env',
    'config.providers.env.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider',
    'config.providers.env.param.allowlist.pattern': CONNECT_PASSWORD_VARIABLE,
  };
}

/** `a.b` → `KAFKA_A_B`; our keys hold neither dashes nor underscores, which would be written twice or three times. */
export const kafkaEnvironment = (properties: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [`KAFKA_${key.toUpperCase().replaceAll('.', '_')}`, value]),
  );

/** The image sets these itself, from variables of these names: `CONNECT_GROUP_ID` would be overwritten by its default. */
export const CONNECT_NAMES: Readonly<Record<string, string>> = {
  'bootstrap.servers': 'BOOTSTRAP_SERVERS',
  'group.id': 'GROUP_ID',
  'config.storage.topic': 'CONFIG_STORAGE_TOPIC',
  'offset.storage.topic': 'OFFSET_STORAGE_TOPIC',
  'status.storage.topic': 'STATUS_STORAGE_TOPIC',
  'key.converter': 'KEY_CONVERTER',
  'value.converter': 'VALUE_CONVERTER',
  'offset.flush.interval.ms': 'OFFSET_FLUSH_INTERVAL_MS',
  'task.shutdown.graceful.timeout.ms': 'SHUTDOWN_TIMEOUT',
  'rest.advertised.host.name': 'ADVERTISED_HOST_NAME',
  'rest.advertised.port': 'ADVERTISED_PORT',
};

export const connectEnvironment = (properties: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      CONNECT_NAMES[key] ?? `CONNECT_${key.toUpperCase().replaceAll('.', '_')}`,
      value,
    ]),
  );

const literals = (environment: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, literal(value)]));

export const kafka = (): Service =>
  lasting({
    image: IMAGES.kafka.tag,
    environment: {
      CLUSTER_ID,
      KAFKA_HEAP_OPTS: heap(HEAP_MB.kafka),
      ...literals(kafkaEnvironment(brokerProperties())),
    },
    // The image's own folder: a new volume takes the owner that the folder has there, so the broker may write.
    volumes: [`kafka-data:${KAFKA_DATA}`],
    // Volumes of the image that nothing of ours is in; without a name they would stay behind.
    tmpfs: ['/etc/kafka/secrets', '/mnt/shared/config'],
    // The broker answers a request, not merely a port that is open.
    healthcheck: check(
      'KAFKA_HEAP_OPTS=-Xmx64m /opt/kafka/bin/kafka-broker-api-versions.sh --bootstrap-server kafka:9092 > /dev/null',
      { interval: '15s' },
    ),
    mem_limit: '1g',
  });

export const connect = (): Service =>
  lasting({
    image: IMAGES.connect.tag,
    environment: {
      [CONNECT_PASSWORD_VARIABLE]: POSTGRES_PASSWORD,
      HEAP_OPTS: heap(HEAP_MB.connect),
      ...literals(connectEnvironment(workerProperties())),
    },
    // Not a volume: the image edits its settings in place, and one that was removed would live on in it.
    tmpfs: ['/kafka/config', '/kafka/data', '/kafka/logs'],
    // It answers only after it has read its own topics.
    healthcheck: check('curl -fsS http://localhost:8083/connectors'),
    depends_on: healthy('kafka'),
    mem_limit: '768m',
  });
