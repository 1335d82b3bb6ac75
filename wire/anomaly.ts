/** `calculated_value` of kind `anomaly` (contract §4): what one rule has to say about one order. Never changes. */
export const KIND_ANOMALY = 'anomaly';

export const ANOMALY_RULES = ['LARGE_ORDER', 'HIGH_AMOUNT', 'PRICE_SPIKE', 'RAPID_ORDERS'] as const;
export type AnomalyRule = (typeof ANOMALY_RULES)[number];

export interface AnomalyValue {
  readonly rule: AnomalyRule;
  readonly order_id: string;
  readonly symbol: string;
  /**
   * Canonical decimal: LARGE_ORDER quantity; HIGH_AMOUNT quantity × price; PRICE_SPIKE the change against the previous
   * price in percent, scale 8, HALF_EVEN; RAPID_ORDERS the number of predecessors.
   */
  readonly observed: string;
  readonly threshold: string;
  /** Event time of the order. */
  readonly detected_at: string;
}

/** `<rule>:<order id>`: the business key of an anomaly. */
export const anomalyKey = (rule: AnomalyRule, orderId: string): string => `${rule}:${orderId}`;
