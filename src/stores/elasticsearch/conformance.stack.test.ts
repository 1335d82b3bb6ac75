import { randomBytes } from 'node:crypto';
import { Client } from '@elastic/elasticsearch';
import { startElasticsearch, type TestElasticsearch } from '../../../test/harness/elasticsearch.js';
import { describeReadModel, type ConformanceSubject } from '../conformance.js';
import { connectElastic, type TestModels } from './test-support/models.js';

let server: TestElasticsearch;
let client: Client;

beforeAll(async () => {
  server = await startElasticsearch();
  client = new Client({ node: server.url });
}, 180_000);

afterAll(async () => {
  await client?.close();
  await server?.stop();
}, 60_000);

/** Nested deeper than the server's JSON parser goes. */
const tooDeep = (): unknown => {
  let value: unknown = 'deep';
  for (let depth = 0; depth < 1_500; depth += 1) value = [value];
  return value;
};

async function subject(): Promise<ConformanceSubject> {
  const prefix = `conformance-${randomBytes(4).toString('hex')}`;
  const models: TestModels = connectElastic(server.url, prefix);
  const index = async (): Promise<string> => (await models.meta())['index'] as string;
  const blockMeta = (blocked: boolean) =>
    client.indices.putSettings({ index: `${prefix}-meta`, settings: { 'index.blocks.write': blocked } });
  return {
    model: models.searchableAtOnce(),
    another: () => models.searchableAtOnce(),
    breakApplied: async () => void (await blockMeta(true)),
    healApplied: async () => void (await blockMeta(false)),
    wipe: async () => {
      const name = await index();
      await client.indices.delete({ index: name });
      await client.indices.create({ index: name });
    },
    drop: async () => void (await client.indices.delete({ index: await index() })),
    unacceptable: (base) => ({ ...base, calculatedValue: { deep: tooDeep() } }),
    close: () => models.close(),
  };
}

describeReadModel('Elasticsearch', subject);
