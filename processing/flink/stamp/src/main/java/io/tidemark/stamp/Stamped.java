package io.tidemark.stamp;

/** A record of the result topic as it goes to Kafka: the stamp has chosen its partition, so that its number is gapless there. */
public final class Stamped {
  public int partition;
  public String key;

  /** The whole message, JSON. */
  public String value;

  /** For Flink's serializer. */
  public Stamped() {}

  public Stamped(int partition, String key, String value) {
    this.partition = partition;
    this.key = key;
    this.value = value;
  }

  @Override
  public String toString() {
    return partition + " " + key + " " + value;
  }
}
