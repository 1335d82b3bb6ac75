import { randomBytes } from 'node:crypto';
import { Client } from '@elastic/elasticsearch';
import { startElasticsearch, type TestElasticsearch } from '../../../test/harness/elasticsearch.js';
import { claims, describeReadModel, type ConformanceSubject } from '../conformance.js';
import { describeRaces } from '../conformance.races.js';
import { idOf, toElastic } from './document.js';
import { connectElastic, type TestModels } from './test-support/models.js';
import { describeSearchPosition } from './test-support/search-position.js';
import { describeSearching } from './test-support/searching.js';
import { describeStrangers } from './test-support/strangers.js';

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

/** @param atOnce what is applied is searchable before the call returns; otherwise at the store's own pace */
async function subject(atOnce: boolean): Promise<ConformanceSubject> {
  const prefix = `conformance-${randomBytes(4).toString('hex')}`;
  const models: TestModels = connectElastic(server.url, prefix);
  const model = () => (atOnce ? models.searchableAtOnce() : models.model({ refreshMs: 50 }));
  const index = async (): Promise<string> => (await models.meta())['index'] as string;
  const blockMeta = (blocked: boolean) =>
    client.indices.putSettings({ index: `${prefix}-meta`, settings: { 'index.blocks.write': blocked } });
  return {
    model: model(),
    another: model,
    breakApplied: async () => void (await blockMeta(true)),
    healApplied: async () => void (await blockMeta(false)),
    wipe: async () => {
      const name = await index();
      await client.indices.delete({ index: name });
      await client.indices.create({ index: name });
    },
    drop: async () => void (await client.indices.delete({ index: await index() })),
    plant: async (document) => {
      const written = toElastic(document, new Date());
      await client.index({ index: await index(), id: idOf(document), document: written, refresh: true });
    },
    remove: async (key) => void (await client.delete({ index: await index(), id: idOf(key), refresh: true })),
    // Not refreshed: by key it is seen at once.
    garble: async ({ kind, engine, businessKey }) => {
      const document = { kind, processing_engine: engine, business_key: businessKey };
      await client.index({ index: await index(), id: idOf({ kind, engine, businessKey }), document });
    },
    unacceptable: (base) => ({ ...base, calculatedValue: { deep: tooDeep() } }),
    close: () => models.close(),
  };
}

describeReadModel('Elasticsearch', () => subject(true));
describe('Elasticsearch at its own pace of refreshes', () => {
  describeRaces(claims(() => subject(false), {}));
});
describe("Elasticsearch's search position", () => describeSearchPosition(() => server.url));
describe('searching in Elasticsearch', () => describeSearching(() => server.url));
describe('Elasticsearch among strangers', () => describeStrangers(() => server));
