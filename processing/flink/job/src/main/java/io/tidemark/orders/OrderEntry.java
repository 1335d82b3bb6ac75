package io.tidemark.orders;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Result;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What is remembered of an order for good: versions never expire. Flink state: fields may be added, not renamed. */
public final class OrderEntry {
  static final String KIND = "order";

  public long version;
  public boolean deleted;

  /** Event time of its creation, or of an older event; null: the creation has not been seen. */
  public Long beginsMs;

  /** Emissions so far; 0: none. */
  public long revision;

  /** Starts of the windows that count it: one, if its c and r events agree on the time. */
  public long[] windows = {};

  /** The verified fold that its version was replaced by (ADR 13); null: none. */
  public String resetBy;

  /** For Flink's serializer. */
  public OrderEntry() {}

  /** What an event is to its order. {@code created}: its first create or read; {@code newer}: its newest version. */
  record Seen(boolean created, boolean newer) {}

  /** Folds one event. Offsets must come in order. */
  Seen fold(OrderEvent event) {
    boolean created = event.creates() && beginsMs == null;
    boolean newer = revision == 0 || isNewer(event);
    if (created) {
      beginsMs = event.eventTimeMs;
    }
    if (newer) {
      version = event.version;
      deleted = event.deletes();
      revision++;
    }
    // An event older than its order's creation breaks a promise of the domain (wire/README.md); it still begins it.
    if (beginsMs != null && (created || newer)) {
      beginsMs = Math.min(beginsMs, event.eventTimeMs);
    }
    return new Seen(created, newer);
  }

  /** The newer version wins; of equal ones a delete, which is read from the last image and so repeats its version. */
  private boolean isNewer(OrderEvent event) {
    return event.version != version ? event.version > version : event.deletes() && !deleted;
  }

  /** Its newest version is the verified one; what has not been seen of it yet is still to come. */
  void reset(JsonNode fold, String nonce) {
    version = fold.path("version").asLong();
    deleted = fold.path("deleted").asBoolean();
    resetBy = nonce;
  }

  boolean countedIn(long windowStart) {
    return Arrays.stream(windows).anyMatch(start -> start == windowStart);
  }

  void countIn(long windowStart) {
    windows = Arrays.copyOf(windows, windows.length + 1);
    windows[windows.length - 1] = windowStart;
  }

  /** The order as the event, its newest version, says it. */
  Result emit(SourceRecord record, List<Place> lost) {
    OrderEvent event = record.event;
    ObjectNode value = JsonNodeFactory.instance.objectNode();
    value.put("order_id", event.orderId);
    value.put("symbol", event.symbol);
    value.put("side", event.side);
    value.put("quantity", event.quantity);
    value.put("price", Decimals.canonical(new BigDecimal(event.price)));
    value.put("status", event.status);
    value.put("event_time", event.eventTime);
    value.put("version", event.version);
    value.put("deleted_at", event.deletes() ? event.eventTime : null);
    List<Span> coverage = new ArrayList<>(1);
    Span.cover(coverage, record.partition, record.offset);
    Evidence evidence =
        new Evidence(1, Digests.of(event.eventId))
            .coverage(coverage)
            .maxEventTime(event.eventTimeMs)
            .begins(beginsMs)
            .lost(lost);
    Result result =
        Result.of(KIND, event.orderId, value)
            .routedBy(event.symbol)
            .revision(revision)
            .cause("IN_ORDER")
            .isFinal(false)
            .stateReset(resetBy)
            .evidence(evidence.json());
    return event.deletes() ? result.deleted() : result;
  }
}
