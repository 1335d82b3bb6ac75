/**
 * A fake: a read model in memory, for unit tests and the simulation. It passes the same conformance suite as the real
 * stores. Its parts are shared by all models on the same `MemoryDisk`, as a database is by servers.
 */
import { AppError } from '../errors.js';
import { keyOf } from '../position/commit-log.js';
import type { Store } from '../words.js';
import { decodeDocument, encodeDocument } from './document.js';
import { compareText, listResults } from './listing.js';
import { newestPerKey } from './newest.js';
import type { Answer, Applied, ReadModel, StoredResult } from './port.js';

type Collection = Map<string, StoredResult>;

/** What survives a restart of the server. */
export class MemoryDisk {
  /** The collection that the applied position speaks of, and the one that is there: two after a wipe. */
  bound: { collection: Collection; applied: Applied } | null = null;
  collection: Collection | null = null;

  wipe(): void {
    this.collection = new Map();
  }
}

/** Called before each effect; a test or a simulation throws or waits in it. */
export type MemoryHook = (
  step: 'read' | 'write' | 'applied' | 'copy' | 'swap',
  documents: readonly StoredResult[],
) => Promise<void>;

export interface MemoryOptions {
  readonly disk?: MemoryDisk;
  readonly store?: Store;
  readonly hook?: MemoryHook;
}

const fail = (code: string, message: string): AppError =>
  new AppError(code, `memory: ${message}`, { retryable: true, outcome: 'none' });

/** As it would come back from a disk: equal, and nobody else's object. */
const copied = (result: StoredResult): StoredResult =>
  decodeDocument(JSON.parse(JSON.stringify(encodeDocument(result))), result.position, result.committedAt);

export function createMemoryModel({
  disk = new MemoryDisk(),
  store = 'MONGODB',
  hook = async () => undefined,
}: MemoryOptions = {}): ReadModel {
  function bound(): NonNullable<MemoryDisk['bound']> {
    if (disk.bound === null || disk.bound.collection !== disk.collection)
      throw fail('POSITION_UNKNOWN', 'wiped, or never filled');
    return disk.bound;
  }

  async function answer<T>(data: (collection: Collection) => T): Promise<Answer<T>> {
    const { applied, collection } = bound();
    await hook('read', []);
    return { applied, data: data(collection) };
  }

  function put(collection: Collection, result: StoredResult): void {
    const stored = collection.get(keyOf(result));
    if (stored === undefined || stored.position < result.position) collection.set(keyOf(result), copied(result));
  }

  return {
    store,
    readMany: (keys) => answer((collection) => keys.map((key) => collection.get(keyOf(key)) ?? null)),
    list: (query) => answer((collection) => listResults(collection.values(), query)),
    async binding() {
      try {
        return { status: 'bound', applied: bound().applied };
      } catch {
        return { status: 'unbound', reason: 'wiped, or never filled' };
      }
    },
    async apply(changes, applied) {
      const mine = bound();
      if (mine.applied.incarnation !== applied.incarnation) throw fail('STORE_CONFLICT', 'another incarnation');
      const documents = newestPerKey(changes);
      await hook('write', documents);
      for (const document of documents) put(mine.collection, document);
      await hook('applied', documents);
      const now = bound();
      if (now.collection !== mine.collection) throw fail('STORE_CONFLICT', 'made anew meanwhile');
      if (now.applied.position === applied.position && now.applied.nonce === applied.nonce) return;
      if (now.applied.position > applied.position) return;
      const [first] = changes;
      const { position, nonce } = now.applied;
      const follows =
        first !== undefined &&
        (first.position <= position || (first.position === position + 1n && first.predecessor === nonce));
      if (!follows) throw fail('STORE_CONFLICT', 'what is applied is not what these changes follow');
      disk.bound = { collection: now.collection, applied };
    },
    async rebuild(copy, applied, progress) {
      const seen = disk.bound;
      const living = seen !== null && seen.collection === disk.collection;
      if (living && seen.applied.incarnation === applied.incarnation && seen.applied.position > applied.position) {
        throw fail('STORE_CONFLICT', 'the copy is older than what is there');
      }
      const collection: Collection = new Map();
      for await (const batch of copy) {
        await hook('copy', batch);
        for (const result of batch) put(collection, result);
        progress(collection.size);
      }
      await hook('swap', []);
      if (disk.bound !== seen) throw fail('STORE_CONFLICT', 'another server has applied or rebuilt meanwhile');
      disk.collection = collection;
      disk.bound = { collection, applied };
    },
    async purge(to, incarnation) {
      const { applied, collection } = bound();
      if (applied.incarnation !== incarnation) return 0;
      const gone = [...collection].filter(([, result]) => result.position <= to);
      for (const [id] of gone) collection.delete(id);
      return gone.length;
    },
    scan: ({ kind, engine, after, limit }) =>
      answer((collection) =>
        [...collection.values()]
          .filter((result) => result.kind === kind && result.engine === engine)
          .filter(({ businessKey }) => compareText(businessKey, after) > 0)
          .sort((a, b) => compareText(a.businessKey, b.businessKey))
          .slice(0, limit)
          .map((result) => ({ businessKey: result.businessKey, result })),
      ),
    async repair(repairs, incarnation) {
      const { applied, collection } = bound();
      if (applied.incarnation !== incarnation) throw fail('STORE_CONFLICT', 'another incarnation');
      const documents = repairs.map(({ document }) => document);
      await hook('write', documents);
      for (const { document, over } of repairs) {
        const stored = collection.get(keyOf(document));
        if (stored === undefined || stored.position <= document.position || stored.position === over)
          collection.set(keyOf(document), copied(document));
      }
      await hook('applied', documents);
    },
    close: async () => undefined,
  };
}
