import type { WindowState } from '../../fold/window.js';

/** A stamped record on its way to a result partition. */
export interface Outgoing {
  readonly resultPartition: number;
  readonly key: string;
  readonly value: string;
  /** The change it carries: source partition and the lowest source offset; absent for heartbeats and assignments. */
  readonly carries?: { readonly partition: number; readonly offset: number; readonly window?: WindowState };
}

/** First in, first out; what has been taken stays here until the broker has confirmed it. Pure bookkeeping. */
export class Outbox {
  #items: Outgoing[] = [];
  #acked = 0;
  #added = 0;

  add(...items: readonly Outgoing[]): void {
    for (const item of items) this.#items.push(item);
    this.#added += items.length;
  }

  get size(): number {
    return this.#items.length;
  }

  /** How many records were ever added, and confirmed: `acked >= added-at-some-time` is a barrier. */
  get added(): number {
    return this.#added;
  }

  get acked(): number {
    return this.#acked;
  }

  /** The next records to send, oldest first. They are not removed. */
  peek(limit: number): readonly Outgoing[] {
    return this.#items.slice(0, limit);
  }

  /** The broker has confirmed the oldest `count`. */
  ack(count: number): void {
    this.#items.splice(0, count);
    this.#acked += count;
  }

  /** Lowest source offset of the partition that is stamped but not confirmed; Infinity if none. */
  lowestUnacked(partition: number): number {
    let low = Infinity;
    for (const { carries } of this.#items) if (carries?.partition === partition) low = Math.min(low, carries.offset);
    return low;
  }

  unackedWindows(): Set<WindowState> {
    const windows = new Set<WindowState>();
    for (const { carries } of this.#items) if (carries?.window) windows.add(carries.window);
    return windows;
  }
}
