import { CDC_TOPIC_PREFIX, MAX_CHANGE_BYTES } from './settings.js';

export const CONNECTOR_NAME = 'tidemark-commit-log';
export const SLOT_NAME = 'tidemark_commit_log';
export const PUBLICATION_NAME = 'tidemark_commit_log';
export const PUBLISHED_TABLE = 'public.commit_log';

export interface ConnectorAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/**
 * The Debezium connector that publishes the commit log, one insert per message, in commit order. It never snapshots:
 * the slot is made before the first row, so the slot alone says where to begin.
 */
export function connectorConfig(postgres: ConnectorAddress): Record<string, string> {
  return {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'tasks.max': '1',
    'database.hostname': postgres.host,
    'database.port': String(postgres.port),
    'database.user': postgres.user,
    'database.password': postgres.password,
    'database.dbname': postgres.database,
    'plugin.name': 'pgoutput',
    'slot.name': SLOT_NAME,
    'slot.drop.on.stop': 'false',
    'publication.name': PUBLICATION_NAME,
    'publication.autocreate.mode': 'disabled',
    'table.include.list': PUBLISHED_TABLE,
    'topic.prefix': CDC_TOPIC_PREFIX,
    'snapshot.mode': 'no_data',
    'decimal.handling.mode': 'string',
    'tombstones.on.delete': 'false',
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'key.converter.schemas.enable': 'false',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'false',
    // The default of 500 ms is the largest part of the delay from commit to read model.
    'poll.interval.ms': '5',
    'heartbeat.interval.ms': '0',
    'status.update.interval.ms': '1000',
    // Outlives restarts of Postgres and the broker.
    'errors.max.retries': '-1',
    'errors.retry.delay.initial.ms': '300',
    'errors.retry.delay.max.ms': '2000',
    'retriable.restart.connector.wait.ms': '1000',
    'producer.override.linger.ms': '0',
    'producer.override.max.request.size': String(MAX_CHANGE_BYTES),
    // kafkajs, which reads the topic, knows no lz4, snappy or zstd: a consumer crashes on its first fetch.
    'producer.override.compression.type': 'none',
  };
}
