package io.tidemark.orders;

/** One record of the source topic: an event, or what is to be said of an undecodable one. */
public final class SourceRecord {
  public String topic;
  public int partition;
  public long offset;

  /** Kafka key; null: none. */
  public String key;

  /** LogAppendTime, milliseconds. */
  public long appendTimeMs;

  /** Null: undecodable. */
  public OrderEvent event;

  /** Stable code and sentence of an undecodable record, and the first bytes of its value. */
  public String code;

  public String message;
  public byte[] payload;
  public boolean truncated;

  /** For Flink's serializer. */
  public SourceRecord() {}
}
