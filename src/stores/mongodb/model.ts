import type { Db, MongoClient } from 'mongodb';
import type { ReadModel } from '../port.js';
import { apply } from './apply.js';
import { repair, scan } from './audit.js';
import { readBinding } from './binding.js';
import { MONGO_LIMITS, positionUnknown, type MongoLimits } from './command.js';
import type { Meta } from './position.js';
import { list, readMany, type MongoPlace } from './read.js';
import { ensurePositionIndex, purge } from './purge.js';
import { drop, rebuild } from './rebuild.js';

export interface MongoModelOptions {
  /** Built by main with MONGO_CLIENT_OPTIONS. `close()` closes it. */
  readonly client: MongoClient;
  readonly database: string;
  readonly limits?: MongoLimits;
  readonly nowMs: () => number;
  /** A short random name for a new collection. */
  readonly newName: () => string;
}

/** MongoDB as a read model. Needs a replica set of MongoDB 6.0 or newer (README.md). */
export function createMongoModel(options: MongoModelOptions): ReadModel {
  const db: Db = options.client.db(options.database);
  const limits = options.limits ?? MONGO_LIMITS;
  const place: MongoPlace = { client: options.client, db, limits };
  /** Which collection this server writes to, since it last asked. Wrong, it is noticed by the conditions of the writes. */
  let bound: Meta | null = null;
  /** The collection that was last seen to have the index that a purge needs. */
  let indexed: string | null = null;
  let retired: { readonly collection: string; readonly sinceMs: number; dropped: boolean } | null = null;

  function retire(collection: string | null): void {
    if (collection === null || collection === retired?.collection) return;
    retired = { collection, sinceMs: options.nowMs(), dropped: false };
  }

  async function bind(): ReturnType<ReadModel['binding']> {
    const { binding, meta } = await options.client.withSession({ causalConsistency: true }, (session) =>
      readBinding(db, limits, session),
    );
    bound = binding.status === 'bound' ? meta : null;
    retire(bound?.previous ?? null);
    return binding;
  }

  async function boundMeta(): Promise<Meta> {
    const binding = bound === null ? await bind() : null;
    if (bound === null) throw positionUnknown(binding?.status === 'unbound' ? binding.reason : 'not bound');
    return bound;
  }

  /** Readers that still know the collection have long ended when it is dropped. Dropping fails: next time, or at the next rebuild. */
  async function dropRetired(): Promise<void> {
    if (retired === null || retired.dropped || options.nowMs() - retired.sinceMs < limits.retireMs) return;
    retired.dropped = true;
    await drop(db, limits, retired.collection).catch(() => undefined);
  }

  return {
    store: 'MONGODB',
    readMany: (keys) => readMany(place, keys),
    list: (query) => list(place, query),
    binding: bind,
    async apply(changes, applied) {
      await apply(place, await boundMeta(), changes, applied, new Date(options.nowMs()));
      await dropRetired();
    },
    async rebuild(copy, applied, progress) {
      const writtenAt = new Date(options.nowMs());
      bound = await rebuild(place, { copy, applied, progress, newName: options.newName, writtenAt });
      retire(bound.previous);
    },
    async purge(to, incarnation) {
      const meta = await boundMeta();
      if (meta.applied.incarnation !== incarnation) return 0;
      if (indexed !== meta.collection) await ensurePositionIndex(place, meta);
      indexed = meta.collection;
      return purge(place, meta, to);
    },
    scan: (range) => scan(place, range),
    repair: async (repairs, incarnation) =>
      repair(place, await boundMeta(), repairs, { incarnation, writtenAt: new Date(options.nowMs()) }),
    close: () => options.client.close(),
  };
}
