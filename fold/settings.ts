/** The domain's constants (contract §4, §5). All of it is configuration; the pure core gets it as data. */
export interface Settings {
  readonly sourceTopic: string;
  readonly windowMs: number;
  readonly latenessMs: number;
  readonly watermarkDelayMs: number;
  readonly emitIntervalMs: number;
  /** How far an undecodable record's event time may lie after its LogAppendTime. */
  readonly poisonSkewMs: number;
  /** An order of more than this is a LARGE_ORDER. */
  readonly largeOrderQuantity: number;
  /** One of more than this amount, a decimal, is a HIGH_AMOUNT. */
  readonly highAmount: string;
  /** A price this far from the previous one, in percent, is a PRICE_SPIKE. */
  readonly priceSpikePercent: string;
  /** An order with so many predecessors within the window before it is one of RAPID_ORDERS. */
  readonly rapidOrders: number;
  readonly rapidWindowMs: number;
}

/** One record as it comes from the broker. Offsets are numbers: 2^53 records outlast the topic. */
export interface SourceRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly appendTimeMs: number;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
