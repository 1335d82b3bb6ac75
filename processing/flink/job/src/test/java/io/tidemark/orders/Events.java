package io.tidemark.orders;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** Source events and records for tests. */
final class Events {
  /** Start of a window. */
  static final long T0 = Instant.parse("2026-01-05T09:00:00.000Z").toEpochMilli();

  static final String TOPIC = "orders.events";

  private Events() {}

  /** A create of quantity 1 at 100. Event ids differ by number. */
  static ObjectNode event(int number, String symbol, long atMs) {
    ObjectNode event = JsonNodeFactory.instance.objectNode();
    event.put("event_id", "00000000-0000-4000-8000-%012d".formatted(number));
    event.put("order_id", "o-" + number);
    event.put("symbol", symbol);
    event.put("side", "BUY");
    event.put("quantity", 1);
    event.put("price", "100");
    event.put("status", "PENDING");
    event.put("op", "c");
    event.put("event_time", Times.iso(atMs));
    event.put("produce_time", Times.iso(atMs));
    event.put("version", 1);
    return event;
  }

  static SourceRecord record(int partition, long offset, ObjectNode event) {
    return record(partition, offset, event.path("symbol").asText(), event.toString(), T0);
  }

  static SourceRecord record(int partition, long offset, String key, String value, long appendTimeMs) {
    return OrdersDeserializer.read(
        TOPIC, partition, offset, key, appendTimeMs, value.getBytes(StandardCharsets.UTF_8));
  }
}
