/**
 * Read models with the differences that matter: a majority store can lose what it did not acknowledge; a search store finds
 * only what was refreshed. Both pass the suite of the real ones (src/stores/conformance.ts).
 */
import { AppError } from '../../../src/errors.js';
import { keyOf } from '../../../src/position/commit-log.js';
import { listResults } from '../../../src/stores/listing.js';
import { createMemoryModel, MemoryDisk, type MemoryHook } from '../../../src/stores/memory.js';
import type { Applied, ReadModel, StoredResult } from '../../../src/stores/port.js';

type Collection = NonNullable<MemoryDisk['collection']>;

interface Unacknowledged {
  readonly collection: Collection;
  readonly before: ReadonlyMap<string, StoredResult | undefined>;
  readonly documents: readonly StoredResult[];
}

/** What survives a restart of the servers, and what a crash of the store may take back. */
export class StoreDisk extends MemoryDisk {
  private readonly unacknowledged = new Set<Unacknowledged>();
  /** With each, all connections end. */
  crashes = 0;

  written(documents: readonly StoredResult[]): Unacknowledged | null {
    const { collection } = this;
    if (collection === null) return null;
    const before = new Map(documents.map((document) => [keyOf(document), collection.get(keyOf(document))]));
    const one = { collection, before, documents };
    this.unacknowledged.add(one);
    return one;
  }

  acknowledged(one: Unacknowledged | null): void {
    if (one !== null) this.unacknowledged.delete(one);
  }

  /** Whatever no majority has: gone. @returns how many documents */
  rollBack(): number {
    let lost = 0;
    this.crashes += 1;
    for (const { collection, before, documents } of this.unacknowledged) {
      for (const document of documents) {
        const key = keyOf(document);
        // Acknowledged meanwhile to another writer of the same change.
        if ((this.bound?.applied.position ?? 0n) >= document.position) continue;
        if (collection.get(key)?.position !== document.position) continue;
        const older = before.get(key);
        if (older === undefined) collection.delete(key);
        else collection.set(key, older);
        lost += 1;
      }
    }
    this.unacknowledged.clear();
    return lost;
  }
}

/** The hook of a store whose calls travel: `send` brings each step there and back. */
export function travelling(disk: StoreDisk, send: (step: string) => Promise<void>): MemoryHook {
  // Of one apply: written, then acknowledged.
  const under = new Map<readonly StoredResult[], Unacknowledged | null>();
  return async (step, documents) => {
    const { crashes } = disk;
    await send(step);
    // A server that slept meanwhile would take the answer for one of what the store has lost since.
    if (step !== 'read' && disk.crashes !== crashes) throw new Error(`connection lost at ${step}: the store crashed`);
    if (step === 'write') under.set(documents, disk.written(documents));
    if (step === 'applied') {
      disk.acknowledged(under.get(documents) ?? null);
      under.delete(documents);
    }
  };
}

/** A search store's disk: what a search sees, and how far that is. */
export class SearchDisk extends StoreDisk {
  searchable: { readonly collection: Collection; readonly documents: ReadonlyMap<string, StoredResult> } | null = null;
  search: Applied | null = null;
}

export interface SearchModel extends ReadModel {
  /** Makes what is applied findable, then says so. */
  refresh(): Promise<void>;
}

const unknownPosition = (): AppError =>
  new AppError('POSITION_UNKNOWN', 'memory: nothing was refreshed yet', { retryable: true, outcome: 'none' });

export interface SearchOptions {
  readonly disk: SearchDisk;
  readonly hook: MemoryHook;
  /** Before each step of a refresh. */
  readonly send: (step: string) => Promise<void>;
}

export function createSearchModel({ disk, hook, send }: SearchOptions): SearchModel {
  const inner = createMemoryModel({ disk, hook, store: 'ELASTICSEARCH' });

  const shown = (): { search: Applied; documents: ReadonlyMap<string, StoredResult> } => {
    const { searchable, search, bound } = disk;
    const whole = bound !== null && bound.collection === disk.collection && searchable?.collection === bound.collection;
    if (!whole || search === null || search.incarnation !== bound.applied.incarnation) throw unknownPosition();
    return { search, documents: searchable.documents };
  };

  function show(collection: Collection): void {
    disk.searchable = { collection, documents: new Map(collection) };
  }

  const model: SearchModel = {
    ...inner,
    async list(query) {
      const { search } = shown();
      await hook('read', []);
      return { applied: search, data: listResults(shown().documents.values(), query) };
    },
    async refresh() {
      const { bound } = disk;
      if (bound === null || bound.collection !== disk.collection) return;
      // What is applied when the refresh begins is in it; what comes while it runs may be.
      const upTo = bound.applied;
      await send('refresh');
      if (disk.collection !== bound.collection) return;
      show(bound.collection);
      await send('move-search-position');
      if (disk.bound?.collection !== bound.collection || disk.searchable?.collection !== bound.collection) return;
      const { search } = disk;
      if (search === null || search.incarnation !== upTo.incarnation || search.position < upTo.position)
        disk.search = upTo;
    },
    async rebuild(copy, applied, progress) {
      await inner.rebuild(copy, applied, progress);
      // A new index is refreshed before it is swapped in.
      if (disk.bound === null || disk.bound.collection !== disk.collection) return;
      show(disk.bound.collection);
      disk.search = disk.bound.applied;
    },
    async repair(repairs, incarnation) {
      await inner.repair(repairs, incarnation);
      await model.refresh();
    },
  };
  return model;
}
