import type { OrderEvent } from './wire.js';

/** A decodable event with its place. */
export interface RecentEvent {
  readonly event: OrderEvent;
  readonly timeMs: number;
  readonly offset: number;
}

/**
 * The newest events of a source partition: a verified fold is of all events below some offset, and the state that it replaces has
 * gone on since. What is older than these can't be gone on from.
 */
export class RecentEvents {
  #events: RecentEvent[] = [];
  /** Every event from here on is held. */
  #from: number;

  /** @param limit it holds between so many and twice as many */
  constructor(
    from: number,
    private readonly limit = 2_000,
  ) {
    this.#from = from;
  }

  add(one: RecentEvent): void {
    this.#events.push(one);
    if (this.#events.length < 2 * this.limit) return;
    const kept = this.#events.slice(-this.limit);
    this.#from = kept[0]?.offset ?? this.#from;
    this.#events = kept;
  }

  /** All events at this offset and behind it; null: some are forgotten. */
  since(offset: number): readonly RecentEvent[] | null {
    return offset < this.#from ? null : this.#events.filter((one) => one.offset >= offset);
  }
}
