/** The four stores. */
import { ELASTICSEARCH_JVM_OPTIONS, elasticsearchSettings, MONGOD_ARGUMENTS, POSTGRES_SETTINGS } from '../settings.js';
import { IMAGES } from './images.js';
import { CLICKHOUSE_PASSWORD, CLICKHOUSE_USER, SUPERUSER_PASSWORD } from './network.js';
import { check, lasting, type Service } from './service.js';

export const postgres = (): Service =>
  lasting({
    image: IMAGES.postgres.tag,
    command: ['postgres', ...Object.entries(POSTGRES_SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    environment: {
      POSTGRES_PASSWORD: SUPERUSER_PASSWORD,
      POSTGRES_INITDB_ARGS: '--auth=scram-sha-256 --encoding=UTF8 --locale=C',
    },
    // Since 18 the image keeps its data below this folder and no longer in its subfolder `data`.
    volumes: ['postgres-data:/var/lib/postgresql'],
    // Over TCP: while it initialises itself, the image's Postgres answers on its socket only.
    healthcheck: check('pg_isready --host=127.0.0.1 --username=postgres --dbname=postgres', { interval: '5s' }),
    shm_size: '256m',
    mem_limit: '1g',
  });

export const mongodb = (): Service =>
  lasting({
    image: IMAGES.mongodb.tag,
    command: ['mongod', '--bind_ip_all', ...MONGOD_ARGUMENTS],
    volumes: ['mongodb-data:/data/db', 'mongodb-config:/data/configdb'],
    // It answers; `setup` makes it a replica set of one and waits until it is primary.
    healthcheck: check("mongosh --quiet --eval 'quit(db.hello().ok === 1 ? 0 : 1)'"),
    mem_limit: '1g',
  });

/** What the stack's minimal distribution does not have and the image has. */
const ELASTICSEARCH_EXTRAS = {
  'xpack.ml.enabled': 'false',
  // It would fetch a database from the internet and keep it in an index.
  'ingest.geoip.downloader.enabled': 'false',
};
/** Where things are is the image's business, and which of its ports are published is compose's. */
export const ELASTICSEARCH_PLACES: readonly string[] = ['path.data', 'path.logs', 'http.port', 'transport.port'];

export const elasticsearch = (): Service =>
  lasting({
    image: IMAGES.elasticsearch.tag,
    environment: {
      ES_JAVA_OPTS: ELASTICSEARCH_JVM_OPTIONS.filter((option) => option.startsWith('-Xm')).join(' '),
      ...Object.fromEntries(
        Object.entries(elasticsearchSettings({ port: 9200, data: '', logs: '' }))
          .filter(([key]) => !ELASTICSEARCH_PLACES.includes(key))
          .map(([key, value]) => [key, String(value)]),
      ),
      'network.host': '0.0.0.0',
      ...ELASTICSEARCH_EXTRAS,
    },
    volumes: ['elasticsearch-data:/usr/share/elasticsearch/data'],
    healthcheck: check("curl -fsS 'http://localhost:9200/_cluster/health?wait_for_status=yellow&timeout=5s'"),
    mem_limit: '1280m',
  });

export const clickhouse = (): Service =>
  lasting({
    image: IMAGES.clickhouse.tag,
    environment: { CLICKHOUSE_USER, CLICKHOUSE_PASSWORD },
    volumes: ['clickhouse-data:/var/lib/clickhouse', 'clickhouse-logs:/var/log/clickhouse-server'],
    ulimits: { nofile: { soft: 262_144, hard: 262_144 } },
    healthcheck: check('wget -q -O /dev/null http://127.0.0.1:8123/ping', { interval: '5s' }),
    mem_limit: '2g',
  });
