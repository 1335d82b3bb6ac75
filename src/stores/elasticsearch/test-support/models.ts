import { randomBytes } from 'node:crypto';
import { Client } from '@elastic/elasticsearch';
import { createElasticModel, type ElasticModel } from '../model.js';
import { ELASTIC_CLIENT_OPTIONS, ELASTIC_LIMITS, type ElasticLimits } from '../request.js';

/** Models of one store under a prefix of its own, and what a stranger's driver does to it. */
export interface TestModels {
  readonly client: Client;
  readonly prefix: string;
  model(limits?: Partial<ElasticLimits>): ElasticModel;
  /** Whose changes are searchable as soon as they are applied, for claims that are not about the pace. */
  searchableAtOnce(): ElasticModel;
  meta(): Promise<Record<string, unknown>>;
  /** Closes all models and deletes the indices. */
  close(): Promise<void>;
}

export function connectElastic(url: string, prefix = `test-${randomBytes(4).toString('hex')}`): TestModels {
  const client = new Client({ node: url });
  const models: ElasticModel[] = [];
  const model: TestModels['model'] = (limits = {}) => {
    const made = createElasticModel({
      client: new Client({ ...ELASTIC_CLIENT_OPTIONS, node: url }),
      prefix,
      limits: { ...ELASTIC_LIMITS, ...limits },
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      newName: () => randomBytes(4).toString('hex'),
    });
    models.push(made);
    return made;
  };
  return {
    client,
    prefix,
    model,
    searchableAtOnce: () => {
      const made = model();
      return {
        ...made,
        apply: async (changes, applied) => {
          await made.apply(changes, applied);
          await made.searchable();
        },
      };
    },
    meta: async () =>
      (await client.get<Record<string, unknown>>({ index: `${prefix}-meta`, id: 'results' }))._source ?? {},
    close: async () => {
      await Promise.all(models.map((made) => made.close()));
      const indices = Object.keys(await client.indices.get({ index: `${prefix}-*` }));
      if (indices.length > 0) await client.indices.delete({ index: indices });
      await client.close();
    },
  };
}
