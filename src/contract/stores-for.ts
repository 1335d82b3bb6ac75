import type { ConsistencyScope, Store } from '../words.js';

/** Which stores hold every kind by key and in lists, the preferred one first. */
const PREFERENCE: Record<Exclude<ConsistencyScope, 'SEARCH'>, readonly Store[]> = {
  STRONG: ['POSTGRES', 'MONGODB'],
  EVENTUAL: ['MONGODB', 'POSTGRES'],
};

/**
 * The stores to try for a scope, in order. One that failed just now goes last, so that a dead read model costs its time
 * limit once and not every request; but STRONG was asked for by name, so Postgres stays first there.
 */
export function storesFor(
  scope: ConsistencyScope,
  configured: readonly Store[],
  suspect: (store: Store) => boolean,
): readonly Store[] {
  const wanted = PREFERENCE[scope === 'STRONG' ? 'STRONG' : 'EVENTUAL'].filter((store) => configured.includes(store));
  if (scope === 'STRONG') return wanted;
  return [...wanted.filter((store) => !suspect(store)), ...wanted.filter(suspect)];
}
