package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Wire;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventParserTest {
  @ParameterizedTest
  @ValueSource(strings = {"event.flat.json", "event.envelope-create.json", "event.envelope-delete.json"})
  void goldenEventsAreRead(String name) {
    OrderEvent event = parse(Wire.golden(name).toString()).event();
    assertEquals("worked-005930-1", event.orderId);
    assertEquals("72000", event.price);
    assertEquals(100, event.quantity);
    assertEquals(Events.T0, event.eventTimeMs);
    assertEquals(name.contains("delete") ? "d" : "c", event.op);
  }

  @Test
  void theParserAndTheSchemaAgreeOnWhatAnEventIs() {
    JsonNode base = Wire.golden("event.flat.json");
    String[] wrong = {
      "null", "\"\"", "0", "1", "1.5", "1.0", "-1", "\"x\"", "{}", "[]", "\"2026-02-30\"", "\"1e5\"", "\"٣\"", "\"1.\"",
      "\"a@b\"", "\"c\"", "7", "true", "9007199254740991", "9007199254740993", "1e400"
    };
    List<String> differ = new ArrayList<>();
    base.fieldNames()
        .forEachRemaining(
            field -> {
              for (String value : wrong) {
                String row = ((ObjectNode) base.deepCopy()).set(field, Wire.json(value)).toString();
                String envelope = "{\"op\":\"d\",\"after\":null,\"before\":" + row + "}";
                for (String text : field.equals("op") ? List.of(row) : List.of(row, envelope)) {
                  boolean valid = Wire.problems("order-event", Wire.json(text)).isEmpty();
                  if (valid != (parse(text).event() != null)) {
                    differ.add(field + "=" + value + " valid: " + valid);
                  }
                }
              }
            });
    assertEquals(List.of(), differ);
  }

  @Test
  void aBrokenEventIsNamedByTheCodesOfTheWire() {
    ObjectNode flat = Wire.golden("event.flat.json").deepCopy();
    assertEquals("BAD_JSON", parse("{\"order_id\":").code());
    assertEquals("BAD_JSON", parse("").code());
    assertEquals("BAD_JSON", parse(flat + " x").code());
    assertEquals("BAD_JSON", parse("{\"a\":NaN}").code());
    assertEquals("NOT_AN_OBJECT", parse("[]").code());
    assertEquals("OP_UNKNOWN", parse(flat.deepCopy().put("op", "x").toString()).code());
    assertEquals("IMAGE_MISSING", parse("{\"op\":\"d\",\"before\":null,\"after\":" + flat + "}").code());
    assertEquals("FIELD_MISSING", parse(flat.deepCopy().without("price").toString()).code());
    assertEquals("FIELD_INVALID", parse(flat.deepCopy().put("price", 72000).toString()).code());
    assertEquals("FIELD_INVALID", parse(flat.deepCopy().put("event_time", "2026-02-30T00:00:00.000Z").toString()).code());
    assertEquals("TOO_LARGE", parse(" ".repeat(EventParser.MAX_EVENT_BYTES) + flat).code());
    assertNull(parse("{\"schema\":{},\"payload\":{\"op\":\"c\",\"before\":null,\"after\":" + flat + "}}").code());
  }

  @Test
  void aFinalLineFeedBelongsToNoWord() {
    ObjectNode flat = Wire.golden("event.flat.json").deepCopy();
    for (String field : List.of("event_id", "order_id", "symbol", "side", "price", "status", "event_time")) {
      String text = flat.deepCopy().put(field, flat.path(field).asText() + "\n").toString();
      assertEquals(field + " is not valid", parse(text).message());
    }
  }

  @Test
  void depthAloneBreaksNothing() {
    String deep = "[".repeat(50_000) + "]".repeat(50_000);
    String text = ((ObjectNode) Wire.golden("event.flat.json")).toString().replaceFirst("\\{", "{\"x\":" + deep + ",");
    assertNull(parse(text).code());
  }

  @Test
  void aTombstoneIsSkippedAndABrokenRecordKeepsItsBytes() {
    List<SourceRecord> read = new ArrayList<>();
    Collector<SourceRecord> out =
        new Collector<>() {
          @Override
          public void collect(SourceRecord record) {
            read.add(record);
          }

          @Override
          public void close() {}
        };
    OrdersDeserializer deserializer = new OrdersDeserializer();
    byte[] key = "005930".getBytes(StandardCharsets.UTF_8);
    deserializer.deserialize(new ConsumerRecord<>("t", 1, 7, key, null), out);
    assertTrue(read.isEmpty());
    deserializer.deserialize(new ConsumerRecord<>("t", 1, 8, null, new byte[100_000]), out);
    SourceRecord broken = read.get(0);
    assertEquals("BAD_JSON", broken.code);
    assertNull(broken.key);
    assertEquals(OrdersDeserializer.MAX_PAYLOAD_BYTES, broken.payload.length);
    assertTrue(broken.truncated);
  }

  private static EventParser.Parsed parse(String text) {
    return EventParser.parse(text.getBytes(StandardCharsets.UTF_8));
  }
}
