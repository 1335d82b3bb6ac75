package io.tidemark.orders;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/** What is remembered of a symbol besides its orders and windows. Flink state: fields may be added, not renamed. */
public final class SymbolState {
  /** The order before, by offset; null: none yet. */
  public Neighbour last;

  public BigDecimal lastPrice;

  /** Orders ever seen. */
  public long orders;

  /** No bucket of predecessors below this one is kept. */
  public long lowestBucket = Long.MAX_VALUE;

  /** Starts of windows that have closed and are kept: the source partition's own watermark had not passed them. */
  public List<Long> closed = new ArrayList<>();

  /** Source partition and offset of the event before; -1: none, or none since this is remembered. */
  public int seenPartition = -1;

  public long seenOffset = -1;

  /** Undecodable records with this symbol as their key. */
  public List<LostMark> marks = new ArrayList<>();

  /** The last of them, and a time beyond which none of their event times can lie; null: none. */
  public Place lost;

  public long lostUntilMs;

  /** For Flink's serializer. */
  public SymbolState() {}

  /** Takes in an undecodable record of this key. */
  void lose(LostMark mark, FoldSettings settings) {
    marks = LostMark.with(marks, mark);
    lost = new Place(mark.partition, mark.offset);
    lostUntilMs = Math.max(lostUntilMs, mark.appendTimeMs + settings.poisonSkewMs());
  }

  /**
   * Undecodable records that could be an event of an order or anomaly: no event of it is older than {@code sinceMs} (null:
   * unknown), and those at {@code firstOffset} and later are what it was made from.
   */
  List<Place> lostSince(Long sinceMs, long firstOffset, Arrival arrival) {
    List<Place> places = new ArrayList<>();
    if (lost != null && could(sinceMs, firstOffset, lost.offset, lostUntilMs)) {
      places.add(lost);
    }
    if (arrival.keylessOffset >= 0
        && could(sinceMs, firstOffset, arrival.keylessOffset, arrival.keylessUntilMs)) {
      places.add(new Place(arrival.record.partition, arrival.keylessOffset));
    }
    return places;
  }

  private static boolean could(Long sinceMs, long firstOffset, long offset, long untilMs) {
    return sinceMs == null || sinceMs <= untilMs || offset >= firstOffset;
  }
}
