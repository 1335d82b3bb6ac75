import { connectorConfig, PUBLISHED_TABLE } from './connector.js';
import {
  CDC_TOPIC,
  connectProperties,
  elasticsearchSettings,
  kafkaProperties,
  MAX_CHANGE_BYTES,
  MONGOD_ARGUMENTS,
  POSTGRES_SETTINGS,
  TOPICS,
} from './settings.js';

const MB = 1024 * 1024;
const connector = connectorConfig({
  host: '127.0.0.1',
  port: 4032,
  user: 'tidemark',
  password: 'x',
  database: 'tidemark',
});
const number = (text: string | undefined): number => Number(text);

describe('server settings', () => {
  test('Kafka, Connect and its advertised names are on 127.0.0.1 alone', () => {
    const kafka = kafkaProperties({ port: 1, controllerPort: 2, logDir: '/x' });
    expect(kafka.listeners).toBe('PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2');
    expect(kafka['advertised.listeners']).toBe('PLAINTEXT://127.0.0.1:1');
    expect(connectProperties({ kafkaBrokers: 'b', port: 3, pluginPath: '/p', secretsFolder: '/s' }).listeners).toBe(
      'http://127.0.0.1:3',
    );
  });

  test('Elasticsearch is on 127.0.0.1 alone and creates no index by a write', () => {
    expect(elasticsearchSettings({ port: 4, data: '/d', logs: '/l' })).toMatchObject({
      'network.host': '127.0.0.1',
      'http.port': 4,
      'path.data': '/d',
      'action.auto_create_index': 'false',
    });
  });

  test('every topic is stamped by the broker, deleted by age and by size, and never compacted', () => {
    for (const { config } of TOPICS) {
      expect(config['message.timestamp.type']).toBe('LogAppendTime');
      expect(config['cleanup.policy']).toBe('delete');
      expect(number(config['retention.ms'])).toBeGreaterThan(0);
      expect(number(config['segment.bytes'])).toBeLessThanOrEqual(64 * MB);
    }
  });

  test('left alone, everything that has a bound stays under 5 GB together', () => {
    // A partition exceeds its bound by the segment that is being written.
    const topics = TOPICS.reduce(
      (sum, { partitions, config }) =>
        sum + partitions * (number(config['retention.bytes']) + number(config['segment.bytes'])),
      0,
    );
    const megabytes = (setting: string | undefined): number =>
      number(setting?.replace(/[MG]B$/, '')) * (setting?.endsWith('GB') ? 1024 : 1);
    const wal = (megabytes(POSTGRES_SETTINGS.max_wal_size) + megabytes(POSTGRES_SETTINGS.max_slot_wal_keep_size)) * MB;
    const oplog = number(MONGOD_ARGUMENTS[MONGOD_ARGUMENTS.indexOf('--oplogSize') + 1]) * MB;
    expect(topics + wal + oplog).toBeLessThan(4.5 * 1024 * MB);
  });

  test('the change topic has one partition, carries the name Debezium gives it, and takes what the connector may send', () => {
    const changes = TOPICS.find((topic) => topic.name === CDC_TOPIC);
    expect(CDC_TOPIC).toBe(`${connector['topic.prefix']}.${PUBLISHED_TABLE}`);
    expect(changes?.partitions).toBe(1);
    expect(changes?.config['max.message.bytes']).toBe(String(MAX_CHANGE_BYTES));
    expect(connector['producer.override.max.request.size']).toBe(String(MAX_CHANGE_BYTES));
  });

  test('the connector never snapshots, never makes a publication, polls every 5 ms and never gives up', () => {
    expect(connector).toMatchObject({
      'snapshot.mode': 'no_data',
      'publication.autocreate.mode': 'disabled',
      'poll.interval.ms': '5',
      'errors.max.retries': '-1',
      'plugin.name': 'pgoutput',
      'value.converter.schemas.enable': 'false',
    });
  });

  test('Postgres decodes logically without lag and cannot be filled by a slot that nobody reads', () => {
    expect(POSTGRES_SETTINGS).toMatchObject({
      wal_level: 'logical',
      synchronous_commit: 'on',
      max_slot_wal_keep_size: '1GB',
    });
  });
});
