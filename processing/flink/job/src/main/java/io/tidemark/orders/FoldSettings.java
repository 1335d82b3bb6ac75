package io.tidemark.orders;

import java.io.Serializable;
import java.math.BigDecimal;

/**
 * The domain's constants (contract §4). All results of a pipeline must come from one setting.
 *
 * @param windowMs length of a window
 * @param latenessMs an event may come this much after its window's end has been passed
 * @param watermarkDelayMs the watermark of a partition is this much behind its newest event
 * @param idleMs a partition that is silent for so long holds nobody up
 * @param emitIntervalMs a changing window is emitted this often, at most
 * @param poisonSkewMs how far an undecodable record's event time may lie after its LogAppendTime
 * @param largeOrderQuantity an order of more than this is a LARGE_ORDER
 * @param highAmount one of more than this amount is a HIGH_AMOUNT
 * @param priceSpikePercent a price this far from the previous one is a PRICE_SPIKE
 * @param rapidOrders an order with so many predecessors within {@code rapidWindowMs} is one of RAPID_ORDERS
 */
public record FoldSettings(
    long windowMs,
    long latenessMs,
    long watermarkDelayMs,
    long idleMs,
    long emitIntervalMs,
    long poisonSkewMs,
    long largeOrderQuantity,
    BigDecimal highAmount,
    BigDecimal priceSpikePercent,
    int rapidOrders,
    long rapidWindowMs)
    implements Serializable {

  /** Those of contract §4. */
  public static final FoldSettings DEFAULTS =
      new FoldSettings(
          300_000,
          60_000,
          10_000,
          5_000,
          1_000,
          60_000,
          500,
          new BigDecimal("100000000"),
          new BigDecimal("5"),
          4,
          10_000);

  /** The predecessors of RAPID_ORDERS are kept in buckets of this length. */
  long bucketMs() {
    return Math.max(1, rapidWindowMs / 10);
  }

  long windowStart(long timeMs) {
    return Math.floorDiv(timeMs, windowMs) * windowMs;
  }
}
