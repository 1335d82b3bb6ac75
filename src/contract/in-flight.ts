/**
 * The last change of each key within a fixed horizon of positions (contract.md §8): what a read model may not have yet.
 * Fed with commit log entries in order; a break in their chain forgets everything and raises the floor.
 */
import { keyOf, type ChangedKey, type CommitEntry, type ResultKey } from '../position/commit-log.js';
import { ORIGIN, type Position } from '../position/position.js';
import type { ProcessingEngine } from '../words.js';
import type { PendingChange } from './assess.js';

export interface SeenEntry extends CommitEntry {
  readonly keys: readonly ChangedKey[];
}

export interface Horizon {
  /** How many positions back a change is remembered. */
  readonly positions: number;
  /** At most so many keys; older changes are forgotten first. */
  readonly keys: number;
}

const kindOf = (kind: string, engine: ProcessingEngine): string => `${kind}\u0000${engine}`;

export class InFlight {
  /** Oldest change first: a key that changes again moves to the end. */
  private readonly byKey = new Map<string, PendingChange>();
  private readonly byKind = new Map<string, PendingChange>();
  /** Positions that changed a key, ascending: heartbeats take positions too, and put nobody behind. */
  private changed: Position[] = [];
  private last: { readonly position: Position; readonly nonce: string } | null = null;
  private lowest: Position = ORIGIN;

  constructor(private readonly horizon: Horizon) {}

  /** The last position taken in; null before the first. */
  get seen(): Position | null {
    return this.last?.position ?? null;
  }

  /** Changes at or below it are forgotten: nothing can be said of a store that has not come so far. */
  get floor(): Position {
    return this.lowest;
  }

  pending(key: ResultKey): PendingChange | null {
    return this.byKey.get(keyOf(key)) ?? null;
  }

  pendingOfKind(kind: string, engine: ProcessingEngine): PendingChange | null {
    return this.byKind.get(kindOf(kind, engine)) ?? null;
  }

  /** How many transactions after `applied` changed a result; null when that is beyond the floor. */
  changesAfter(applied: Position): number | null {
    if (applied < this.lowest) return null;
    let low = 0;
    let high = this.changed.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.changed[middle] ?? ORIGIN) > applied) high = middle;
      else low = middle + 1;
    }
    return this.changed.length - low;
  }

  /**
   * @param entries ascending by position, of one incarnation, without repeats
   * @param clock where the clock stood in the same snapshot: without entries it must be where we are
   */
  take(entries: readonly SeenEntry[], clock: { readonly position: Position; readonly nonce: string }): void {
    for (const entry of entries) {
      if (!this.follows(entry)) this.forget((entry.position - 1n) as Position);
      this.add(entry);
    }
    // The clock stands elsewhere than the entries end: they were pruned, or history was rewound.
    if (this.last?.position !== clock.position || this.last.nonce !== clock.nonce) {
      this.forget(clock.position);
      this.last = clock;
    }
    this.trim();
  }

  private follows(entry: SeenEntry): boolean {
    return this.last !== null && entry.position === this.last.position + 1n && entry.predecessor === this.last.nonce;
  }

  private forget(floor: Position): void {
    this.byKey.clear();
    this.byKind.clear();
    this.changed = [];
    this.lowest = floor;
  }

  private add(entry: SeenEntry): void {
    this.last = { position: entry.position, nonce: entry.nonce };
    if (entry.keys.length > 0) this.changed.push(entry.position);
    for (const changed of entry.keys) {
      const change = { position: entry.position, cap: changed.cap, reasons: changed.reasons };
      const id = keyOf(changed);
      this.byKey.delete(id);
      this.byKey.set(id, change);
      this.byKind.set(kindOf(changed.kind, changed.engine), change);
    }
  }

  private trim(): void {
    const oldest = (this.last?.position ?? ORIGIN) - BigInt(this.horizon.positions);
    for (const [id, change] of this.byKey) {
      const surplus = this.byKey.size > this.horizon.keys;
      if (!surplus && change.position > oldest) break;
      this.byKey.delete(id);
      if (change.position > this.lowest) this.lowest = change.position;
    }
    if (oldest > this.lowest) this.lowest = oldest as Position;
    // Dropped in lumps: shifting one by one would cost the length of the list each time.
    const gone = this.changed.findIndex((at) => at > this.lowest);
    if (gone > 1_000) this.changed = this.changed.slice(gone);
  }
}
