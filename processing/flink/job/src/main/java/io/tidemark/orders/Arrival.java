package io.tidemark.orders;

/**
 * A record with what its source partition knew when it arrived. All of it follows from the records before it by offset, so
 * that a replay says the same again, whatever runs in parallel.
 */
public final class Arrival {
  /** No watermark yet. */
  public static final long NONE = Long.MIN_VALUE;

  /** Null: it is a command, or news of progress. */
  public SourceRecord record;

  /** A command to replace the state of a result; null: it is none. */
  public Reset reset;

  /** How far a source partition has been read; null: it is none. */
  public Progress progress;

  /** Watermark of the source partition just before this record; {@link #NONE}: nothing precedes. */
  public long watermarkMs = NONE;

  /** Offset of the last undecodable record without a key before this one; -1: none. */
  public long keylessOffset = -1;

  /** An event time beyond this can't be that of any undecodable record without a key before this one. */
  public long keylessUntilMs;

  /** For Flink's serializer. */
  public Arrival() {}

  static Arrival of(Reset reset) {
    Arrival arrival = new Arrival();
    arrival.reset = reset;
    return arrival;
  }

  /** What the record is keyed by: the symbol; the Kafka key of an undecodable record, which may be one. */
  public String route() {
    if (progress != null) {
      return progress.route;
    }
    if (reset != null) {
      return reset.symbol;
    }
    if (record.event != null) {
      return record.event.symbol;
    }
    // No symbol holds a space, so this is nobody's.
    return record.key == null ? " " + record.partition : record.key;
  }
}
