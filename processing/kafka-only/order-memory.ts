import type { OrderEntry, OrderMemory } from '../../fold/order.js';

/** The entries that memory has no room for. */
export interface Spill {
  read(orderId: string): OrderEntry | undefined;
  write(orderId: string, entry: OrderEntry): void;
  close(): void;
}

/** The orders touched last are in memory, all others of the run in the spill: nothing is ever forgotten. */
export class BoundedOrders implements OrderMemory {
  readonly #hot = new Map<string, OrderEntry>();

  constructor(
    private readonly spill: Spill,
    private readonly limit: number,
  ) {}

  get(orderId: string): OrderEntry | undefined {
    return this.#hot.get(orderId) ?? this.spill.read(orderId);
  }

  set(orderId: string, entry: OrderEntry): void {
    this.#hot.delete(orderId); // a Map is ordered by insertion: the oldest key is the one used longest ago
    this.#hot.set(orderId, entry);
    if (this.#hot.size <= this.limit) return;
    for (const [oldest, cold] of this.#hot) {
      this.spill.write(oldest, cold);
      this.#hot.delete(oldest);
      return;
    }
  }

  close(): void {
    this.spill.close();
  }

  get inMemory(): number {
    return this.#hot.size;
  }
}
