/**
 * What tells a processor to replace its state of one result by the verified fold (topic `orders.resets`, ADR 13). The record
 * lies in the partition of the same number as the source partition that it speaks of; its key is the symbol.
 */
export interface Reset {
  readonly schema: 1;
  readonly kind: string;
  readonly business_key: string;
  readonly processing_engine: 'KAFKA_ONLY' | 'FLINK';
  readonly symbol: string;
  readonly source_partition: number;
  /** `state` is the fold of every event of the key below this offset. */
  readonly up_to: number;
  /** What the state's results carry from then on as `state_reset`. */
  readonly nonce: string;
  /** Belongs to the kind. */
  readonly state: WindowReset | OrderReset;
}

/** Of an `order_window`. Decimals are canonical, as everywhere. */
export interface WindowReset {
  readonly window_start: string;
  readonly window_end: string;
  /** The ids of the orders that are counted: what a duplicate is told by. */
  readonly orders: readonly string[];
  readonly orders_buy: number;
  readonly orders_sell: number;
  readonly total_amount: string;
  readonly price_sum: string;
  readonly min_price: string;
  readonly max_price: string;
  readonly digest: string;
  readonly duplicates_dropped: number;
  readonly coverage: readonly [first: number, last: number];
  readonly max_event_time: string;
  /** Offsets of undecodable records that could belong to it and are not settled. */
  readonly lost: readonly number[];
}

/** Of an `order`: its newest version. */
export interface OrderReset {
  readonly version: number;
  readonly deleted: boolean;
  /** Event time of its creation; null: the source has none. */
  readonly begins: string | null;
}

export const isWindowReset = (state: Reset['state']): state is WindowReset => 'window_start' in state;
