/** Results that the recorded events ask for and nobody accepted: only an answer can say that they may be missing. */
import type { History, Key } from '../history/types.js';
import { indexOf } from './claims.js';
import { expectedKeys } from './exactly-once.js';

export function missingResults(history: History): Key[] {
  const indexed = indexOf(history);
  return [...expectedKeys(indexed)]
    .filter(([key]) => indexed.truth.newest(key) === null)
    .map(([key, kind, businessKey]) => ({ kind, engine: key.split('|')[1] as Key['engine'], businessKey }));
}
