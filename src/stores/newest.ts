import { keyOf } from '../position/commit-log.js';
import type { Change, StoredResult } from './port.js';

/** The newest document of each key in `changes`: several positions are applied together, and each key is written once. */
export function newestPerKey(changes: readonly Change[]): StoredResult[] {
  const newest = new Map<string, StoredResult>();
  for (const { documents } of changes) {
    for (const document of documents) {
      const key = keyOf(document);
      const known = newest.get(key);
      if (known === undefined || known.position < document.position) newest.set(key, document);
    }
  }
  return [...newest.values()];
}
