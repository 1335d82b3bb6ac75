/** Builds the clients of the three read models, and the models on them. Nothing connects before it is asked. */
import { randomUUID } from 'node:crypto';
import { createClient as createClickhouseClient } from '@clickhouse/client';
import { Client as ElasticClient } from '@elastic/elasticsearch';
import { MongoClient } from 'mongodb';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import { monotonicMs } from './contract/proof.js';
import { CLICKHOUSE_CLIENT_OPTIONS } from './stores/clickhouse/command.js';
import { createClickhouse } from './stores/clickhouse/model.js';
import { createElasticModel, type ElasticModel } from './stores/elasticsearch/model.js';
import { ELASTIC_CLIENT_OPTIONS } from './stores/elasticsearch/request.js';
import { MONGO_CLIENT_OPTIONS } from './stores/mongodb/command.js';
import { createMongoModel } from './stores/mongodb/model.js';
import type { ReadModel } from './stores/port.js';

const newName = (): string => randomUUID().slice(0, 8);

/** `models`: every one of them, to be closed by the caller. `elastic` is null where this server has no Elasticsearch. */
export function createReadModels(
  config: Config,
  log: Logger,
): {
  readonly models: readonly ReadModel[];
  readonly elastic: ElasticModel | null;
  readonly clickhouse: ReturnType<typeof createClickhouse>;
} {
  const mongo = createMongoModel({
    client: new MongoClient(config.MONGODB_URL, MONGO_CLIENT_OPTIONS),
    database: config.MONGODB_DATABASE,
    nowMs: Date.now,
    newName,
  });
  const elastic = elasticModel(config, log);
  const clickhouse = createClickhouse({
    client: createClickhouseClient({ ...CLICKHOUSE_CLIENT_OPTIONS, url: config.CLICKHOUSE_URL }),
    database: config.CLICKHOUSE_DATABASE,
    nowMs: Date.now,
    newName,
    rawDays: config.RAW_RETENTION_DAYS,
  });
  return { models: [mongo, ...(elastic === null ? [] : [elastic]), clickhouse.model], elastic, clickhouse };
}

function elasticModel(config: Config, log: Logger): ElasticModel | null {
  if (config.ELASTICSEARCH_URL === undefined) return null;
  return createElasticModel({
    client: new ElasticClient({ ...ELASTIC_CLIENT_OPTIONS, node: config.ELASTICSEARCH_URL }),
    prefix: 'tidemark',
    nowMs: Date.now,
    monotonicMs,
    newName,
    onRefreshError: (err) => log.warn({ err }, 'Elasticsearch was not refreshed: its search position stays'),
  });
}
