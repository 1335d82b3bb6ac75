package io.tidemark.orders;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Result;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/** A window of one symbol, as far as it has been folded. Flink state: fields may be added, not renamed. */
public final class WindowState {
  static final String KIND = "order_window";

  public long startMs;
  public long endMs;
  public int buy;
  public int sell;
  public BigDecimal amount = BigDecimal.ZERO;
  public BigDecimal priceSum = BigDecimal.ZERO;
  public BigDecimal minPrice = BigDecimal.ZERO;
  public BigDecimal maxPrice = BigDecimal.ZERO;
  public long digest;
  public int duplicates;
  public List<Span> coverage = new ArrayList<>();
  public long maxEventTimeMs;

  /** Sticky: once a late event changed the window, every further emission says so. */
  public boolean late;

  /** Emissions so far. */
  public long revision;

  public List<Place> lost = new ArrayList<>();

  /** Its last word has been said; it is kept in case its own partition, being behind, still has something for it. */
  public boolean closed;

  /** Changed since the last emission. */
  public boolean dirty;

  /** Processing time of the last emission; -1: none. */
  public long emittedAtMs = -1;

  /** The verified fold that it was replaced by, and has been folded on from (ADR 13); null: none. */
  public String resetBy;

  /** For Flink's serializer. */
  public WindowState() {}

  WindowState(long startMs, long windowMs) {
    this.startMs = startMs;
    this.endMs = startMs + windowMs;
  }

  static String key(String symbol, long startMs) {
    return symbol + "@" + Times.iso(startMs);
  }

  /** Folds a create or read of an order that the window does not hold yet. */
  void fold(SourceRecord record, long watermarkMs) {
    OrderEvent event = record.event;
    BigDecimal price = new BigDecimal(event.price);
    boolean empty = buy + sell == 0;
    if (event.side.equals("BUY")) {
      buy++;
    } else {
      sell++;
    }
    amount = amount.add(price.multiply(BigDecimal.valueOf(event.quantity)));
    priceSum = priceSum.add(price);
    minPrice = empty ? price : minPrice.min(price);
    maxPrice = empty ? price : maxPrice.max(price);
    digest += Digests.of(event.eventId);
    Span.cover(coverage, record.partition, record.offset);
    maxEventTimeMs = Math.max(maxEventTimeMs, event.eventTimeMs);
    late |= watermarkMs != Arrival.NONE && endMs <= watermarkMs;
    dirty = true;
  }

  /** Replaces what was folded by the verified fold; how often and when it was emitted stays. */
  void reset(JsonNode fold, int partition, String nonce) {
    buy = fold.path("orders_buy").asInt();
    sell = fold.path("orders_sell").asInt();
    amount = new BigDecimal(fold.path("total_amount").asText());
    priceSum = new BigDecimal(fold.path("price_sum").asText());
    minPrice = new BigDecimal(fold.path("min_price").asText());
    maxPrice = new BigDecimal(fold.path("max_price").asText());
    digest = Long.parseUnsignedLong(fold.path("digest").asText());
    duplicates = fold.path("duplicates_dropped").asInt();
    maxEventTimeMs = EventParser.timeToMs(fold.path("max_event_time").asText()).orElseThrow();
    coverage = new ArrayList<>(1);
    Span.cover(coverage, partition, fold.path("coverage").path(0).asLong());
    Span.cover(coverage, partition, fold.path("coverage").path(1).asLong());
    lost = new ArrayList<>();
    fold.path("lost").forEach(offset -> lost.add(new Place(partition, offset.asLong())));
    resetBy = nonce;
  }

  boolean due(long nowMs, long intervalMs) {
    // A clock that was set back must not silence the window.
    return emittedAtMs < 0 || nowMs < emittedAtMs || nowMs - emittedAtMs >= intervalMs;
  }

  /** Counts itself as emitted, and says what the window is. */
  Result emit(String symbol, long nowMs) {
    revision++;
    dirty = false;
    emittedAtMs = nowMs;
    int count = buy + sell;
    ObjectNode value = JsonNodeFactory.instance.objectNode();
    value.put("symbol", symbol);
    value.put("window_start", Times.iso(startMs));
    value.put("window_end", Times.iso(endMs));
    value.put("orders_total", count);
    value.put("orders_buy", buy);
    value.put("orders_sell", sell);
    value.put("total_amount", Decimals.canonical(amount));
    value.put("average_price", Decimals.canonical(Decimals.divide(priceSum, BigDecimal.valueOf(count))));
    value.put("min_price", Decimals.canonical(minPrice));
    value.put("max_price", Decimals.canonical(maxPrice));
    Evidence evidence =
        new Evidence(count, digest)
            .duplicatesDropped(duplicates)
            .coverage(coverage)
            .maxEventTime(maxEventTimeMs)
            .lost(lost);
    return Result.of(KIND, key(symbol, startMs), value)
        .routedBy(symbol)
        .revision(revision)
        .cause(late ? "LATE" : "IN_ORDER")
        .isFinal(closed)
        .stateReset(resetBy)
        .evidence(evidence.json());
  }
}
