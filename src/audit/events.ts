/** What clients hear of a divergence (contract.md §9). Pure. */
import type { NewEvent } from '../staleness/transitions.js';
import type { Store } from '../words.js';
import type { Divergence, DivergenceType } from './compare.js';

const FOUND: Readonly<Record<DivergenceType, string>> = {
  MISSING: 'does not hold',
  LEFT_BEHIND: 'says to have applied the newest change, and holds an older version, of',
  VALUE: 'holds something else than Postgres of',
  EXTRA: 'holds, though Postgres knows nothing of it,',
};

const about = (
  store: Store,
  { kind, engine, businessKey }: Divergence,
): Omit<NewEvent, 'type' | 'reasons' | 'message'> => ({
  store,
  pipeline: null,
  run: null,
  engine,
  kind,
  businessKey,
  symbol: null,
  levelBefore: null,
  levelAfter: null,
});

const nameOf = ({ kind, businessKey }: Divergence): string => `${kind} ${businessKey}`;

export const foundEvent = (store: Store, divergence: Divergence): NewEvent => ({
  ...about(store, divergence),
  type: 'DIVERGENCE_FOUND',
  reasons: ['VIOLATION_STORE_DIVERGENCE'],
  message: `${store} ${FOUND[divergence.type]} ${nameOf(divergence)}: its answers are LOW until that is repaired.`,
});

export const repairedEvent = (store: Store, divergence: Divergence): NewEvent => ({
  ...about(store, divergence),
  type: 'DIVERGENCE_REPAIRED',
  reasons: [],
  message: `${store} was repaired, and read again: it holds what Postgres does of ${nameOf(divergence)}.`,
});
