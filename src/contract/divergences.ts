/**
 * What the auditor has found read models to hold otherwise than Postgres (contract.md §3, STORE_DIVERGENCE; docs/adr/0018), held against
 * the answers of that store, and of no other. Pure.
 *
 * A repair that was verified is one for who read the store after it. The position at which it was settled tells: a store is read after
 * its applied position, so an answer whose applied position is not below it was read after the repair.
 */
import { keyOf, type ResultKey } from '../position/commit-log.js';
import type { Position } from '../position/position.js';
import type { ProcessingEngine, Store } from '../words.js';
import type { AppliedPosition } from './assess.js';

/** All of one store, kind and engine, as the proof's read brings it. */
export interface StoredDivergences {
  readonly store: Store;
  readonly kind: string;
  readonly engine: ProcessingEngine;
  /** [business key, position at which it was settled; null: it is open]; null: too many to be told apart. */
  readonly keys: readonly (readonly [string, number | null])[] | null;
  /** The highest position at which one of them was settled; null: one is open. */
  readonly until: number | null;
}

/** Beyond so many of one store, kind and engine the whole kind is held. */
export const MOST_KEYS = 100;

interface Group {
  readonly keys: ReadonlyMap<string, number | null> | null;
  readonly until: number | null;
}

const groupOf = (store: Store, { kind, engine }: Pick<ResultKey, 'kind' | 'engine'>): string =>
  `${store}\u0000${keyOf({ kind, engine, businessKey: '' })}`;

export class Divergences {
  private readonly groups: ReadonlyMap<string, Group>;

  constructor(stored: readonly StoredDivergences[]) {
    this.groups = new Map(
      stored.map(({ store, keys, until, ...of }) => [
        groupOf(store, of),
        { keys: keys === null ? null : new Map(keys), until },
      ]),
    );
  }

  /** @param applied of the answer, read before its data; null: of Postgres, which nothing is held against */
  holdsKey(store: Store, key: ResultKey, applied: AppliedPosition | null | 'unknown'): boolean {
    // Nearly always.
    if (this.groups.size === 0) return false;
    const group = this.groups.get(groupOf(store, key));
    if (group === undefined) return false;
    if (group.keys === null) return !isPast(group.until, applied);
    const settled = group.keys.get(key.businessKey);
    return settled !== undefined && !isPast(settled, applied);
  }

  /** Of a set, into which any result of the kind may belong. */
  holdsKind(
    store: Store,
    of: { readonly kind: string; readonly engine: ProcessingEngine },
    applied: AppliedPosition | null | 'unknown',
  ): boolean {
    if (this.groups.size === 0) return false;
    const group = this.groups.get(groupOf(store, of));
    return group !== undefined && !isPast(group.until, applied);
  }
}

const isPast = (settled: number | null, applied: AppliedPosition | null | 'unknown'): boolean =>
  settled !== null && applied !== null && applied !== 'unknown' && applied.position >= (BigInt(settled) as Position);

export const NO_DIVERGENCES = new Divergences([]);
