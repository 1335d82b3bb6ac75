/** The source event of `orders.events` (contract §4). Times are ISO-8601 with milliseconds and Z; prices never are numbers. */
export const SIDES = ['BUY', 'SELL'] as const;
export const STATUSES = ['PENDING', 'FILLED', 'CANCELLED'] as const;
/** c create, u update, d delete, r snapshot read: Debezium's letters. */
export const OPS = ['c', 'u', 'd', 'r'] as const;

export type Side = (typeof SIDES)[number];
export type OrderStatus = (typeof STATUSES)[number];
export type Op = (typeof OPS)[number];

/** One row image of an order, as Debezium carries it in `before` and `after`. */
export interface OrderRow {
  readonly event_id: string;
  readonly order_id: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: number;
  readonly price: string;
  readonly status: OrderStatus;
  readonly event_time: string;
  readonly produce_time: string;
  readonly version: number;
}

/** The flat form. */
export interface OrderEvent extends OrderRow {
  readonly op: Op;
}

/** The Debezium form; a delete is read from `before`, everything else from `after`. */
export interface OrderEnvelope {
  readonly op: Op;
  readonly before: OrderRow | null;
  readonly after: OrderRow | null;
}
