import type { Client } from '@elastic/elasticsearch';
import { AppError } from '../../errors.js';
import type { ReadModel, SearchReader } from '../port.js';
import { apply } from './apply.js';
import { repair, scan } from './audit.js';
import { readBinding } from './binding.js';
import { BoundPosition } from './position.js';
import { purge } from './purge.js';
import { list, readMany } from './read.js';
import { rebuild } from './rebuild.js';
import { Refresher } from './refresher.js';
import { ELASTIC_LIMITS, positionUnknown, type ElasticLimits, type ElasticPlace } from './request.js';
import { deleteIndex } from './schema.js';
import { search } from './search.js';

export interface ElasticModelOptions {
  /** Built by main with ELASTIC_CLIENT_OPTIONS. `close()` closes it. */
  readonly client: Client;
  /** Of the names of all indices; lower case. */
  readonly prefix: string;
  readonly limits?: ElasticLimits;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  /** A short random name in lower case for a new index. */
  readonly newName: () => string;
  /** A refresh failed: it is made again at the next change or heartbeat, and the search position stays until then. */
  readonly onRefreshError?: (error: Error) => void;
}

export interface ElasticModel extends ReadModel, SearchReader {
  /** Refreshes at once: resolves when all that this model has applied is searchable. */
  searchable(): Promise<void>;
}

/** Elasticsearch 8 as a read model and for search (README.md). */
export function createElasticModel(options: ElasticModelOptions): ElasticModel {
  const limits = options.limits ?? ELASTIC_LIMITS;
  const place: ElasticPlace = { client: options.client, prefix: options.prefix, limits };
  const refresher = new Refresher(place, options.monotonicMs, options.onRefreshError ?? (() => undefined));
  /** What this server writes to, since it last asked. Wrong, it is noticed by the identity and the conditions. */
  let bound: BoundPosition | null = null;
  let retired: { readonly index: string; readonly sinceMs: number; deleted: boolean } | null = null;

  function retire(index: string | null): void {
    if (index === null || index === retired?.index) return;
    retired = { index, sinceMs: options.monotonicMs(), deleted: false };
  }

  async function bind(): ReturnType<ReadModel['binding']> {
    const { binding, stored } = await readBinding(place);
    // The same index: what is known of it stays, so that there is one writer of its position.
    if (stored === null || bound?.meta.indexUuid !== stored.meta.indexUuid) {
      bound = stored === null ? null : new BoundPosition(place, stored);
    }
    retire(stored?.meta.previous ?? null);
    return binding;
  }

  async function boundPosition(): Promise<BoundPosition> {
    const binding = bound === null ? await bind() : null;
    if (bound === null) throw positionUnknown(binding?.status === 'unbound' ? binding.reason : 'not bound');
    return bound;
  }

  /** Readers that still know the index have long ended when it is deleted. Deleting fails: at the next rebuild. */
  async function deleteRetired(): Promise<void> {
    if (retired === null || retired.deleted || options.monotonicMs() - retired.sinceMs < limits.retireMs) return;
    retired.deleted = true;
    await deleteIndex(place, retired.index).catch(() => undefined);
  }

  return {
    store: 'ELASTICSEARCH',
    readMany: (keys) => readMany(place, keys),
    list: (query) => list(place, query),
    search: (query) => search(place, query),
    binding: bind,
    async apply(changes, applied) {
      const mine = await boundPosition();
      try {
        await apply(place, mine, changes, applied, new Date(options.nowMs()));
      } catch (error) {
        // What is remembered may be of another index: asked again before the next write.
        if (error instanceof AppError && error.code !== 'CHANGE_REJECTED' && bound === mine) bound = null;
        throw error;
      }
      refresher.applied(mine);
      await deleteRetired();
    },
    async rebuild(copy, applied, progress) {
      // Its writes of the search position would be taken for another server's.
      await refresher.stop();
      const writtenAt = new Date(options.nowMs());
      const stored = await rebuild(place, { copy, applied, progress, newName: options.newName, writtenAt });
      bound = new BoundPosition(place, stored);
      retire(stored.meta.previous);
    },
    async purge(to, incarnation) {
      const { meta } = await boundPosition();
      return meta.applied.incarnation === incarnation ? purge(place, meta, to) : 0;
    },
    scan: (range) => scan(place, range),
    async repair(repairs, incarnation) {
      const { meta } = await boundPosition();
      await repair(place, meta, repairs, { incarnation, writtenAt: new Date(options.nowMs()) });
    },
    searchable: async () => refresher.settle(await boundPosition()),
    async close() {
      await refresher.stop();
      await options.client.close();
    },
  };
}
