package io.tidemark.orders;

/** Where a source record lies. */
public final class Place {
  public int partition;
  public long offset;

  /** For Flink's serializer. */
  public Place() {}

  Place(int partition, long offset) {
    this.partition = partition;
    this.offset = offset;
  }

  boolean is(int otherPartition, long otherOffset) {
    return partition == otherPartition && offset == otherOffset;
  }
}
