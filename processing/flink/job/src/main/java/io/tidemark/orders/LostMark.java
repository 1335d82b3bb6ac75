package io.tidemark.orders;

import java.util.ArrayList;
import java.util.List;

/** An undecodable record: it could belong to any window of its symbol (of its partition, without a key) not yet closed. */
public final class LostMark {
  /** Of one list; beyond it the oldest become one that matches at least as much: memory is bounded, soundness stays. */
  static final int MAX_MARKS = 200;

  /** A window names at most this many; one is enough to lower it. */
  private static final int MAX_PER_WINDOW = 100;

  public int partition;
  public long offset;
  public long appendTimeMs;

  /** The partition's watermark when it arrived, or {@link Arrival#NONE}. */
  public long watermarkMs;

  /** For Flink's serializer. */
  public LostMark() {}

  static LostMark of(SourceRecord record, long watermarkMs) {
    LostMark mark = new LostMark();
    mark.partition = record.partition;
    mark.offset = record.offset;
    mark.appendTimeMs = record.appendTimeMs;
    mark.watermarkMs = watermarkMs;
    return mark;
  }

  /** Notes itself in a window that it could belong to; false if the window need not change. */
  boolean note(WindowState window, FoldSettings settings) {
    boolean here = window.coverage.stream().anyMatch(span -> span.partition == partition);
    boolean begun = window.startMs <= appendTimeMs + settings.poisonSkewMs();
    boolean open = watermarkMs == Arrival.NONE || window.endMs + settings.latenessMs() > watermarkMs;
    if (!here || !begun || !open || window.lost.size() >= MAX_PER_WINDOW) {
      return false;
    }
    if (window.lost.stream().anyMatch(place -> place.is(partition, offset))) {
      return false;
    }
    window.lost.add(new Place(partition, offset));
    return true;
  }

  /** The marks of one partition with one more; the list may have come from a state backend and is not changed. */
  static List<LostMark> with(List<LostMark> marks, LostMark mark) {
    List<LostMark> all = new ArrayList<>(marks);
    all.add(mark);
    if (all.size() <= MAX_MARKS) {
      return all;
    }
    LostMark a = all.remove(0);
    LostMark b = all.remove(0);
    LostMark both = new LostMark();
    both.partition = a.partition;
    both.offset = b.offset;
    both.appendTimeMs = Math.max(a.appendTimeMs, b.appendTimeMs);
    both.watermarkMs = Math.min(a.watermarkMs, b.watermarkMs); // NONE is the smallest
    all.add(0, both);
    return all;
  }
}
