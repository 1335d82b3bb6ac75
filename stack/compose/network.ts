/** Names and ports inside the compose network, and where the volumes are. Nothing of it is reachable from outside. */
import type { Addresses } from '../apps.js';
import { APP_USER } from '../servers/postgres.js';
import { DATABASE, MONGODB_REPLICA_SET } from '../settings.js';

/** A reference to a variable of `.env`, resolved by compose; without it nothing starts. */
export const required = (name: string, what: string): string => `\${${name}:?${what}}`;

export const POSTGRES_PASSWORD = required('POSTGRES_PASSWORD', 'set POSTGRES_PASSWORD in .env');
export const SUPERUSER_PASSWORD = required('POSTGRES_SUPERUSER_PASSWORD', 'set POSTGRES_SUPERUSER_PASSWORD in .env');
export const CLICKHOUSE_PASSWORD = required('CLICKHOUSE_PASSWORD', 'set CLICKHOUSE_PASSWORD in .env');
export const TOKEN = required('TIDEMARK_TOKEN', 'set TIDEMARK_TOKEN in .env');

export const CLICKHOUSE_USER = 'tidemark';
export const SERVER_PORT = 4000;
/** The image's mount point for our own data; the Dockerfile gives it to the user `node`. */
export const OWN_DATA = '/var/lib/tidemark';

export const MONGODB_HOST = 'mongodb:27017';
export const SUPERUSER_URL = `postgres://postgres:${SUPERUSER_PASSWORD}@postgres:5432/postgres`;

export const ADDRESSES = {
  kafkaBrokers: 'kafka:9092',
  connectUrl: 'http://connect:8083',
  postgresUrl: `postgres://${APP_USER}:${POSTGRES_PASSWORD}@postgres:5432/${DATABASE}`,
  mongodbUrl: `mongodb://${MONGODB_HOST}/${DATABASE}?replicaSet=${MONGODB_REPLICA_SET}`,
  elasticsearchUrl: 'http://elasticsearch:9200',
  clickhouseUrl: `http://${CLICKHOUSE_USER}:${CLICKHOUSE_PASSWORD}@clickhouse:8123`,
  flinkUrl: 'http://flink-jobmanager:8081',
  serverUrl: `http://server:${SERVER_PORT}`,
} satisfies Addresses & Record<string, string>;

/** The container of Kafka Connect has the password in this variable; the connector's settings only name it. */
export const CONNECT_PASSWORD_VARIABLE = 'TIDEMARK_POSTGRES_PASSWORD';
export const CONNECT_PASSWORD_REFERENCE = `\${env:${CONNECT_PASSWORD_VARIABLE}}`;
