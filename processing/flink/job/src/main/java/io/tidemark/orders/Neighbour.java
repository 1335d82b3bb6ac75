package io.tidemark.orders;

/** An order of a symbol, as far as the rules need it for later ones. */
public final class Neighbour {
  public int partition;
  public long offset;
  public long timeMs;
  public long digest;

  /** For Flink's serializer. */
  public Neighbour() {}

  static Neighbour of(SourceRecord record) {
    Neighbour order = new Neighbour();
    order.partition = record.partition;
    order.offset = record.offset;
    order.timeMs = record.event.eventTimeMs;
    order.digest = Digests.of(record.event.eventId);
    return order;
  }
}
