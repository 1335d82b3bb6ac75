package io.tidemark.orders;

/** The source event of {@code orders.events} (contract §4), decoded and valid. */
public final class OrderEvent {
  public String eventId;
  public String orderId;
  public String symbol;

  /** BUY or SELL. */
  public String side;

  public long quantity;

  /** Decimal as it came; never a binary fraction. */
  public String price;

  public String status;

  /** c, u, d or r: Debezium's letters. */
  public String op;

  public String eventTime;
  public long eventTimeMs;
  public long version;

  /** For Flink's serializer. */
  public OrderEvent() {}

  /** Creates and snapshot reads make an order; updates and deletes change one. */
  public boolean creates() {
    return op.equals("c") || op.equals("r");
  }

  public boolean deletes() {
    return op.equals("d");
  }
}
