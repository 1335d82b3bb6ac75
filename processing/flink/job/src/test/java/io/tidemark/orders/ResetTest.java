package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Wire;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A command to replace state by the verified fold. The folds differ here from what was folded, so that one sees which counts. */
class ResetTest {
  private static final long T0 = Events.T0;
  private static final long MINUTE = 60_000;

  /** That window A holds these orders at a price of 1000 each, as of all events below the offset. */
  static Reset window(String symbol, long upTo, int... orders) {
    ObjectNode command = (ObjectNode) Wire.golden("reset.order-window.json");
    command.put("processing_engine", "FLINK").put("symbol", symbol).put("up_to", upTo);
    command.put("business_key", symbol + "@2026-01-05T09:00:00.000Z").put("nonce", "fold-" + upTo);
    ObjectNode state = (ObjectNode) command.path("state");
    var ids = state.putArray("orders");
    for (int number : orders) {
      ids.add("o-" + number);
    }
    state.put("orders_buy", orders.length).put("orders_sell", 0).put("price_sum", "" + 1000 * orders.length);
    state.put("total_amount", "" + 1000 * orders.length).put("min_price", "1000").put("max_price", "1000");
    state.putArray("coverage").add(0).add(upTo - 1);
    return parse(command);
  }

  private static Reset order(long upTo, int version) {
    ObjectNode command = (ObjectNode) Wire.golden("reset.order.json");
    command.put("processing_engine", "FLINK").put("symbol", "A").put("up_to", upTo).put("business_key", "o-1");
    ((ObjectNode) command.path("state")).put("version", version);
    return parse(command);
  }

  private static Reset parse(JsonNode command) {
    return Reset.parse(command.toString().getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aCommandIsWhatTheWireSaysAndOnlyForThisEngine() {
    ObjectNode golden = (ObjectNode) Wire.golden("reset.order-window.json");
    assertNull(parse(golden));
    Reset reset = parse(golden.put("processing_engine", "FLINK"));
    assertEquals("005930@2026-01-05T09:00:00.000Z", reset.businessKey);
    assertEquals(1300, reset.upTo);
    assertNotNull(reset.state);
    assertNull(parse(golden.put("schema", 2)));
    assertNull(parse(golden.put("schema", 1).putNull("nonce")));
    assertNull(Reset.parse("{".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void theFoldTakesThePlaceOfTheWindowAndWhatCameSinceIsCountedOnce() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      for (int n = 1; n <= 3; n++) {
        folding.see(n - 1, Events.event(n, "A", T0));
      }
      folding.time(60_000);
      folding.reset(window("A", 2, 1, 2));
      JsonNode said = only(folding.time(120_000));
      assertEquals("2100", said.path("calculated_value").path("total_amount").asText());
      assertEquals("[0,2]", said.path("evidence").path("coverage").path("0").toString());
      assertEquals("fold-2", said.path("state_reset").asText());
      // A duplicate of any of them changes nothing.
      assertEquals(List.of(), folding.see(3, Events.event(1, "A", T0)));
      assertEquals(List.of(), folding.see(4, Events.event(3, "A", T0)));
      folding.time(180_000);
      JsonNode next = last(folding.see(5, Events.event(4, "A", T0)));
      assertEquals("2200", next.path("calculated_value").path("total_amount").asText());
      assertEquals("fold-2", next.path("state_reset").asText());
    }
  }

  @Test
  void withNothingSinceNothingIsSaidUntilTheWindowChangesOrCloses() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.time(60_000);
      assertEquals(List.of(), folding.reset(window("A", 1, 1)));
      JsonNode closed = only(folding.watermark(T0 + 6 * MINUTE - 1));
      assertTrue(closed.path("final").asBoolean());
      assertEquals("1000", closed.path("calculated_value").path("total_amount").asText());
      assertEquals("fold-1", closed.path("state_reset").asText());
      // It has said its last word.
      assertEquals(List.of(), folding.reset(window("A", 1, 1)));
      assertEquals(List.of(), folding.watermark(T0 + 20 * MINUTE));
    }
  }

  @Test
  void aFoldThatIsAheadCountsWhatIsStillToCome() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.reset(window("A", 3, 1, 2, 3));
      folding.time(60_000);
      // Its own results are made all the same.
      assertEquals(List.of("order"), Folding.kinds(folding.see(1, Events.event(2, "A", T0))));
      assertEquals(List.of("order"), Folding.kinds(folding.see(2, Events.event(3, "A", T0))));
      JsonNode next = last(folding.see(3, Events.event(4, "A", T0)));
      assertEquals(4, next.path("calculated_value").path("orders_total").asInt());
    }
  }

  @Test
  void aWindowThatTheStateHasLostBeginsWithTheFoldUnlessItsTimeIsOver() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0 + 5 * MINUTE));
      folding.reset(window("A", 1, 8, 9));
      folding.time(60_000);
      assertEquals(3, last(folding.see(1, Events.event(2, "A", T0))).path("evidence").path("events").asInt());
      folding.watermark(T0 + 6 * MINUTE - 1);
      assertEquals(List.of(), folding.reset(window("B", 2, 8, 9)));
      assertEquals(1, folding.watermark(T0 + 30 * MINUTE).size()); // the other window of A
    }
  }

  @Test
  void behindARestoreOnlyAFoldOfAllThatWasSeenCounts() throws Exception {
    Folding.Snapshot snapshot;
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(1, Events.event(2, "A", T0));
      snapshot = folding.snapshot(1);
    }
    try (Folding folding = new Folding(FoldSettings.DEFAULTS, snapshot)) {
      folding.time(60_000);
      folding.see(2, Events.event(3, "A", T0));
      folding.time(120_000);
      // The second event came before the restart.
      assertEquals(List.of(), folding.reset(window("A", 1, 1)));
      assertFalse(last(folding.see(3, Events.event(4, "A", T0))).has("state_reset"));
      folding.time(180_000);
      folding.reset(window("A", 2, 1, 2));
      JsonNode said = only(folding.time(240_000));
      assertEquals("2200", said.path("calculated_value").path("total_amount").asText());
      snapshot = folding.snapshot(2);
    }
    try (Folding folding = new Folding(FoldSettings.DEFAULTS, snapshot)) {
      folding.time(300_000);
      assertEquals("fold-2", last(folding.see(4, Events.event(5, "A", T0))).path("state_reset").asText());
    }
  }

  @Test
  void anOrderGoesOnFromTheVerifiedVersion() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(1, Events.event(1, "A", T0).put("op", "u").put("version", 9));
      assertEquals(List.of(), folding.reset(order(2, 3)));
      assertEquals(List.of(), folding.see(2, Events.event(1, "A", T0).put("op", "u").put("version", 2)));
      JsonNode fourth = only(folding.see(3, Events.event(1, "A", T0).put("op", "u").put("version", 4)));
      assertEquals(3, fourth.path("revision").asInt());
      assertTrue(fourth.has("state_reset"));
      JsonNode again = only(folding.reset(order(3, 3)));
      assertEquals(4, again.path("calculated_value").path("version").asInt());
    }
  }

  private static JsonNode only(List<JsonNode> messages) {
    assertEquals(1, messages.size(), messages.toString());
    return messages.get(0);
  }

  private static JsonNode last(List<JsonNode> messages) {
    return messages.get(messages.size() - 1);
  }
}
