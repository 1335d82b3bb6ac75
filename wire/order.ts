import type { OrderStatus, Side } from './event.js';

/** `calculated_value` of kind `order` (contract §4): the newest version of an order. Business key: the order id. */
export const KIND_ORDER = 'order';

export interface OrderValue {
  readonly order_id: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  /** Canonical decimal. */
  readonly price: string;
  readonly status: OrderStatus;
  /** Of the event that this version came with. */
  readonly event_time: string;
  readonly version: number;
  /** Event time that the delete carries; null while the order lives. The message's `op` is then `delete`. */
  readonly deleted_at: string | null;
}
