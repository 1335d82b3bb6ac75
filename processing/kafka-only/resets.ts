import type { OrderEntry } from '../../fold/order.js';
import type { OrderReset, Reset } from './wire.js';

/** Commands that wait for their offset; the oldest is forgotten first, and asked for again when its result changes. */
const MAX_WAITING = 2_000;

/** Commands to replace the state of a result (ADR 13), until the partition has read as far as the fold that they carry. Pure. */
export class WaitingResets {
  readonly #byKey = new Map<string, Reset>();
  #lowest = Infinity;

  add(reset: Reset): void {
    const key = `${reset.kind}/${reset.business_key}`;
    this.#byKey.delete(key); // a Map is ordered by insertion
    this.#byKey.set(key, reset);
    this.#lowest = Math.min(this.#lowest, reset.up_to);
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > MAX_WAITING && oldest !== undefined) this.#byKey.delete(oldest);
  }

  /** Takes out those whose fold ends at or below the position. */
  due(position: number): Reset[] {
    if (this.#lowest > position) return [];
    const due: Reset[] = [];
    this.#lowest = Infinity;
    for (const [key, reset] of this.#byKey) {
      if (reset.up_to <= position) {
        this.#byKey.delete(key);
        due.push(reset);
      } else this.#lowest = Math.min(this.#lowest, reset.up_to);
    }
    return due;
  }
}

/** The entry of an order that begins again from the verified one; how often it was emitted stays. */
export function resetOrder(known: OrderEntry | undefined, state: OrderReset, nonce: string): OrderEntry {
  const beginsMs = state.begins === null ? null : Date.parse(state.begins);
  const { version, deleted } = state;
  return { version, deleted, beginsMs, revision: known?.revision ?? 0, resetBy: nonce };
}
