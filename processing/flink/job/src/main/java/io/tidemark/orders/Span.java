package io.tidemark.orders;

import java.util.List;

/** First and last offset, inclusive, of what was folded from one source partition. */
public final class Span {
  public int partition;
  public long first;
  public long last;

  /** For Flink's serializer. */
  public Span() {}

  private Span(int partition, long offset) {
    this.partition = partition;
    this.first = offset;
    this.last = offset;
  }

  /** Widens the span of the partition. More than one partition means that a symbol has moved: ingest sees it. */
  static void cover(List<Span> spans, int partition, long offset) {
    for (Span span : spans) {
      if (span.partition == partition) {
        span.first = Math.min(span.first, offset);
        span.last = Math.max(span.last, offset);
        return;
      }
    }
    spans.add(new Span(partition, offset));
  }
}
