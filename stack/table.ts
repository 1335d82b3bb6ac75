import Table from 'cli-table3';
import type { Addresses } from './apps.js';
import type { Paths } from './paths.js';
import type { Ports } from './ports.js';
import { secretsPath } from './servers/secrets.js';

/** What a person needs after the start, on one screen. */
export function addressTable(addresses: Addresses, paths: Paths, ports: Ports): string {
  const { serverUrl, kafkaBrokers, connectUrl, mongodbUrl, elasticsearchUrl, clickhouseUrl, flinkUrl } = addresses;
  const table = new Table({ style: { head: [], border: [], compact: true } });
  table.push(
    ['GraphQL', `${serverUrl}/graphql (GraphiQL in a browser)`],
    ['Console', `${serverUrl}/console (live stores, pipelines, keys and their contracts)`],
    ['Health', `${serverUrl}/healthz  ${serverUrl}/readyz`],
    ['Metrics', `${serverUrl}/metrics`],
    ['Kafka', kafkaBrokers],
    ['Kafka Connect', connectUrl],
    ...(flinkUrl === undefined ? [] : [['Flink', `${flinkUrl} (web UI and REST)`]]),
    ['Postgres', `postgres://tidemark@127.0.0.1:${ports.postgres}/tidemark`],
    ['  password', `in ${secretsPath(paths.data)}`],
    ['MongoDB', mongodbUrl],
    ['Elasticsearch', elasticsearchUrl],
    ['ClickHouse', `${clickhouseUrl} (its engine, behind ClickHouse's HTTP interface)`],
    ['Logs', paths.logs],
    ['Stop', 'Ctrl-C here, or "npm stop" anywhere in this clone; "npm run reset" wipes the data'],
  );
  return `${table.toString()}\ntry: npx tidemark produce --shift-to-now test/fixtures/worked-example.jsonl`;
}
