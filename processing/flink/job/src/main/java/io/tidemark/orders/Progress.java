package io.tidemark.orders;

/** How far a source partition has been read. It travels among its records, to one subtask of the fold. */
public final class Progress {
  public int partition;

  /** Every record below has been sent on its way before this. */
  public long nextOffset;

  /** LogAppendTime of the record just below, milliseconds. */
  public long appendTimeMs;

  /** The attempt that read it. */
  public String attempt;

  /** A key of the subtask that it goes to. */
  public String route;

  /** For Flink's serializer. */
  public Progress() {}

  static Progress behind(SourceRecord record, String attempt) {
    Progress progress = new Progress();
    progress.partition = record.partition;
    progress.nextOffset = record.offset + 1;
    progress.appendTimeMs = record.appendTimeMs;
    progress.attempt = attempt;
    return progress;
  }

  Arrival to(String subtask) {
    Progress copy = new Progress();
    copy.partition = partition;
    copy.nextOffset = nextOffset;
    copy.appendTimeMs = appendTimeMs;
    copy.attempt = attempt;
    copy.route = subtask;
    Arrival arrival = new Arrival();
    arrival.progress = copy;
    return arrival;
  }
}
