/** `calculated_value` of kind `order_window` (contract §4). Decimals are canonical: no exponent, no trailing zeros. */
export const KIND_ORDER_WINDOW = 'order_window';

export interface OrderWindowValue {
  readonly symbol: string;
  readonly window_start: string;
  readonly window_end: string;
  readonly orders_total: number;
  readonly orders_buy: number;
  readonly orders_sell: number;
  readonly total_amount: string;
  readonly average_price: string;
  readonly min_price: string;
  readonly max_price: string;
}

/** `<symbol>@<window start>`: the business key of a window. */
export function windowKey(symbol: string, windowStartMs: number): string {
  return `${symbol}@${new Date(windowStartMs).toISOString()}`;
}
