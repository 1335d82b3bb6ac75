import { canonical, Decimal } from './decimal.js';
import { addToDigest } from './digest.js';
import type { Evidence, OrderEvent, OrderValue } from './wire.js';

/** What has to be remembered of an order, for as long as a run lives: versions never expire. */
export interface OrderEntry {
  version: number;
  deleted: boolean;
  /** Event time of its creation (lowest over all that was seen of it); null: this run has not folded the creation. */
  beginsMs: number | null;
  revision: number;
  /** The verified fold that this run replaced it by (ADR 13); absent: none, or forgotten. */
  resetBy?: string;
}

/** Where the entries are; `order-memory.ts` keeps the memory bounded, a Map does not. */
export interface OrderMemory {
  get(orderId: string): OrderEntry | undefined;
  set(orderId: string, entry: OrderEntry): unknown;
  close?(): void;
}

/** A new newest version of an order. */
export interface OrderChange {
  readonly event: OrderEvent;
  readonly offset: number;
  readonly revision: number;
  readonly beginsMs: number | null;
  /** The verified fold that the state before was replaced by; null: none. */
  readonly resetBy: string | null;
}

export interface OrderSeen {
  /** The event is the first create or read of its order that this run has seen. */
  readonly created: boolean;
  readonly change: OrderChange | null;
}

/** The newer version wins; of equal ones a delete, which is read from the last image and so repeats its version. */
function isNewer(event: OrderEvent, entry: OrderEntry): boolean {
  if (event.version !== entry.version) return event.version > entry.version;
  return event.op === 'd' && !entry.deleted;
}

/** Folds one event into its order. Offsets must come in order. */
export function foldOrder(memory: OrderMemory, event: OrderEvent, timeMs: number, offset: number): OrderSeen {
  const known = memory.get(event.order_id);
  const creates = event.op === 'c' || event.op === 'r';
  const created = creates && (known?.beginsMs ?? null) === null;
  const newer = known === undefined || isNewer(event, known);
  if (!created && !newer) return { created, change: null };
  const entry = known ?? { version: event.version, deleted: false, beginsMs: null, revision: 0 };
  if (created) entry.beginsMs = timeMs;
  // An event older than its order's creation breaks a promise of the domain (wire/README.md); it still is what begins it.
  if (entry.beginsMs !== null) entry.beginsMs = Math.min(entry.beginsMs, timeMs);
  if (newer) {
    entry.version = event.version;
    entry.deleted = event.op === 'd';
    entry.revision++;
  }
  memory.set(event.order_id, entry);
  const { revision, beginsMs, resetBy = null } = entry;
  return { created, change: newer ? { event, offset, revision, beginsMs, resetBy } : null };
}

export function orderValueOf({ event }: OrderChange): OrderValue {
  return {
    order_id: event.order_id,
    symbol: event.symbol,
    side: event.side,
    quantity: event.quantity,
    price: canonical(new Decimal(event.price)),
    status: event.status,
    event_time: event.event_time,
    version: event.version,
    deleted_at: event.op === 'd' ? event.event_time : null,
  };
}

/** One event is what the value is made of: the newest version. */
export function orderEvidenceOf({ event, offset, beginsMs }: OrderChange, sourcePartition: number): Evidence {
  return {
    events: 1,
    digest: addToDigest(0n, event.event_id).toString(),
    coverage: { [String(sourcePartition)]: [offset, offset] },
    max_event_time: event.event_time,
    begins: beginsMs === null ? null : new Date(beginsMs).toISOString(),
  };
}
