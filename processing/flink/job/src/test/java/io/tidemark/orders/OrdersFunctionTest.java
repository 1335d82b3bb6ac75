package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Wire;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OrdersFunctionTest {
  private static final long T0 = Events.T0;
  private static final long MINUTE = 60_000;

  @Test
  void theWorkedExampleComesOutExactly() throws Exception {
    List<JsonNode> said = new ArrayList<>();
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.time(1);
      long offset = 0;
      for (String line : Files.readAllLines(Path.of(System.getProperty("wire"), "../test/fixtures/worked-example.jsonl"))) {
        if (!line.isBlank()) {
          said.addAll(folding.see(offset++, (ObjectNode) Wire.json(line)));
        }
      }
      said.addAll(folding.time(2_000));
    }
    Map<String, JsonNode> newest = Folding.newest(said);
    JsonNode samsung = newest.get("order_window/005930@2026-01-05T09:00:00.000Z");
    JsonNode golden = Wire.golden("result.flink.json");
    assertEquals(golden.path("calculated_value"), samsung.path("calculated_value"));
    assertEquals("5110216023537481648", samsung.path("evidence").path("digest").asText());
    assertEquals("144000000", window(newest, "000660").path("total_amount").asText());
    assertEquals("6450000", window(newest, "035420").path("total_amount").asText());
    assertEquals("90000000", window(newest, "035720").path("total_amount").asText());
    List<String> anomalies = newest.keySet().stream().filter(k -> k.startsWith("anomaly/")).sorted().toList();
    assertEquals(
        List.of(
            "anomaly/HIGH_AMOUNT:worked-000660-1",
            "anomaly/LARGE_ORDER:worked-000660-1",
            "anomaly/LARGE_ORDER:worked-005930-3"),
        anomalies);
  }

  @Test
  void ordersAndAnomaliesSayExactlyWhatTheGoldenMessagesSay() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      ObjectNode created = (ObjectNode) Wire.golden("event.flat.json");
      assertSame(Wire.golden("result.order.json"), folding.see(1200, created).get(0));
      ObjectNode third = created.deepCopy();
      third.put("event_id", "5f0c7c1e-8d0e-4c0a-9a55-0d2b9f1f0003").put("order_id", "worked-005930-3");
      third.put("side", "SELL").put("quantity", 1000).put("price", "74000");
      third.put("event_time", "2026-01-05T09:00:00.002Z");
      Map<String, JsonNode> said = Folding.newest(folding.see(1210, third));
      assertSame(Wire.golden("result.anomaly.json"), said.get("anomaly/LARGE_ORDER:worked-005930-3"));
    }
  }

  @Test
  void newsOfTheSourceIsHeldUntilAllThatFollowsFromItIsSaid() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.time(10_000);
      folding.see(0, Events.event(1, "A", T0));
      assertEquals(List.of(), totals(folding.see(1, Events.event(2, "A", T0))));
      assertEquals(List.of(), folding.progress(2));
      assertEquals(List.of("order_window"), Folding.kinds(folding.time(11_000)));
      assertEquals(List.of("progress"), Folding.kinds(folding.time(11_001)));
      assertEquals(List.of(), folding.time(60_000));
    }
  }

  @Test
  void aWindowIsEmittedOnChangeButOncePerSecond() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.time(10_000);
      assertEquals(List.of(1L), totals(folding.see(0, Events.event(1, "A", T0))));
      assertEquals(List.of(), totals(folding.see(1, Events.event(2, "A", T0))));
      assertEquals(List.of(), totals(folding.see(2, Events.event(3, "A", T0))));
      assertEquals(List.of(), totals(folding.time(10_999)));
      assertEquals(List.of(3L), totals(folding.time(11_000)));
      assertEquals(List.of(), totals(folding.time(60_000)));
      List<JsonNode> next = folding.see(3, Events.event(4, "A", T0));
      assertEquals(List.of(4L), totals(next));
      assertEquals(3, next.get(next.size() - 1).path("revision").asInt());
    }
  }

  @Test
  void aDuplicateChangesNothingButTheCountThatRidesAlong() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      assertEquals(List.of(), folding.see(1, Events.event(1, "A", T0)));
      assertEquals(List.of(), folding.time(60_000));
      JsonNode window = last(folding.see(2, Events.event(2, "A", T0)));
      assertEquals(1, window.path("evidence").path("duplicates_dropped").asInt());
      assertEquals("[0,2]", window.path("evidence").path("coverage").path("0").toString());
    }
  }

  @Test
  void aLateEventWithinTheLatenessUpdatesItsWindowAndSaysSoForGood() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(1, Events.event(2, "B", T0 + 5 * MINUTE + 10_000)); // watermark = end of the window
      folding.time(60_000);
      JsonNode late = last(folding.see(2, Events.event(3, "A", T0)));
      assertEquals("LATE", late.path("cause").asText());
      folding.see(3, Events.event(4, "B", T0 + 7 * MINUTE));
      JsonNode last = last(folding.watermark(T0 + 6 * MINUTE - 1));
      assertEquals("LATE", last.path("cause").asText());
      assertTrue(last.path("final").asBoolean());
      assertEquals(2, last.path("calculated_value").path("orders_total").asInt());
    }
  }

  @Test
  void oneMillisecondBeforeTheEndIsNotLate() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(1, Events.event(2, "B", T0 + 5 * MINUTE + 10_000 - 1));
      folding.time(60_000);
      assertEquals("IN_ORDER", last(folding.see(2, Events.event(3, "A", T0))).path("cause").asText());
    }
  }

  @Test
  void anEventBeyondTheLatenessIsDroppedAndReportedUnderTheResultsKey() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "B", T0 + 6 * MINUTE + 10_000));
      List<JsonNode> said = folding.see(1, Events.event(2, "A", T0));
      assertEquals(List.of("order", "_late_dropped"), Folding.kinds(said));
      JsonNode dropped = last(said);
      assertEquals("A@2026-01-05T09:00:00.000Z", dropped.path("business_key").asText());
      assertEquals("2026-01-05T09:06:00.000Z", dropped.path("calculated_value").path("watermark").asText());
      assertEquals("order_window", dropped.path("calculated_value").path("kind").asText());
    }
  }

  @Test
  void aLateCopyOfACountedEventIsNoLoss() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(1, Events.event(2, "B", T0 + 7 * MINUTE));
      folding.watermark(T0 + 7 * MINUTE - 10_001);
      assertEquals(List.of(), folding.see(2, Events.event(1, "A", T0)));
    }
  }

  @Test
  void aWindowClosedByFasterPartitionsTakesInWhatIsInTimeByItsOwnAndClosesAgain() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(Events.record(1, 0, Events.event(1, "A", T0)));
      // Partition 1 is slow, was taken for idle, and the others have moved Flink's watermark past the window.
      assertTrue(last(folding.watermark(T0 + 20 * MINUTE)).path("final").asBoolean());
      folding.time(60_000);
      JsonNode again = last(folding.see(Events.record(1, 1, Events.event(2, "A", T0))));
      assertEquals(2, again.path("calculated_value").path("orders_total").asInt());
      assertEquals(false, again.path("final").asBoolean());
      assertEquals("IN_ORDER", again.path("cause").asText());
      List<JsonNode> closed = folding.watermark(T0 + 20 * MINUTE + 1);
      assertEquals(1, closed.size());
      assertTrue(last(closed).path("final").asBoolean());
      assertEquals(4, last(closed).path("revision").asInt());
    }
  }

  @Test
  void aClosedWindowIsKeptUntilItsOwnPartitionHasPassedItHoweverFarTheOthersAreAndThenForgotten() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(Events.record(1, 0, Events.event(1, "A", T0)));
      // After a day without the job, partition 0 is read to its end before the first fetch of partition 1 is answered.
      assertEquals(1, folding.watermark(T0 + 24 * 60 * MINUTE).size());
      folding.time(60_000);
      JsonNode again = last(folding.see(Events.record(1, 1, Events.event(2, "A", T0))));
      assertEquals(2, again.path("calculated_value").path("orders_total").asInt());
      assertTrue(last(folding.watermark(T0 + 24 * 60 * MINUTE + 1)).path("final").asBoolean());
      // Its own partition passes it.
      folding.see(Events.record(1, 2, Events.event(3, "B", T0 + 6 * MINUTE + 10_000)));
      assertEquals(List.of("A", "B"), folding.symbolsWithWindows());
      ObjectNode update = Events.event(1, "A", T0 + 1).put("op", "u").put("version", 2);
      assertEquals(List.of("order"), Folding.kinds(folding.see(Events.record(1, 3, update))));
      assertEquals(List.of("B"), folding.symbolsWithWindows());
      List<JsonNode> said = folding.see(Events.record(1, 4, Events.event(4, "A", T0)));
      assertEquals(List.of("order", "_late_dropped"), Folding.kinds(said));
      assertEquals(List.of(), folding.see(Events.record(1, 5, Events.event(1, "A", T0))));
    }
  }

  @Test
  void aClosedWindowThatLearnsOfAPoisonRecordStaysFinal() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.watermark(T0 + 20 * MINUTE);
      folding.time(60_000);
      JsonNode marked = last(folding.see(Events.record(0, 1, "A", "{", T0)));
      assertEquals("{\"0\":[1]}", marked.path("evidence").path("lost").toString());
      assertTrue(marked.path("final").asBoolean());
    }
  }

  @Test
  void anOrderIsItsNewestVersionAndADeleteOfTheSameVersionEndsIt() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      ObjectNode second = Events.event(1, "A", T0 + 1).put("op", "u").put("version", 3).put("status", "FILLED");
      assertEquals("FILLED", last(folding.see(1, second)).path("calculated_value").path("status").asText());
      assertEquals(List.of(), folding.see(2, Events.event(1, "A", T0 + 2).put("op", "u").put("version", 2)));
      JsonNode deleted = last(folding.see(3, Events.event(1, "A", T0 + 3).put("op", "d").put("version", 3)));
      assertEquals("delete", deleted.path("op").asText());
      assertEquals("2026-01-05T09:00:00.003Z", deleted.path("calculated_value").path("deleted_at").asText());
      assertEquals(3, deleted.path("revision").asInt());
      assertEquals("2026-01-05T09:00:00.000Z", deleted.path("evidence").path("begins").asText());
    }
  }

  @Test
  void anUndecodableRecordMarksTheWindowsOfItsKeyInTheirNextRecord() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(1, Events.event(2, "B", T0));
      folding.time(60_000);
      List<JsonNode> said = folding.see(Events.record(0, 2, "A", "{", T0));
      assertEquals(List.of("_dead_letter", "order_window"), Folding.kinds(said));
      assertEquals("{\"0\":[2]}", last(said).path("evidence").path("lost").toString());
      JsonNode order = folding.see(3, Events.event(3, "A", T0)).get(0);
      assertEquals("{\"0\":[2]}", order.path("evidence").path("lost").toString());
      JsonNode other = last(folding.watermark(T0 + 20 * MINUTE));
      assertEquals("B", other.path("calculated_value").path("symbol").asText());
      assertTrue(other.path("evidence").path("lost").isMissingNode());
    }
  }

  @Test
  void oneWithoutAKeyMarksAllOpenWindowsOfItsPartition() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(Events.record(1, 0, Events.event(2, "B", T0)));
      folding.time(60_000);
      List<JsonNode> said = folding.see(Events.record(0, 1, null, "{", T0));
      assertEquals(List.of("order_window", "_dead_letter"), Folding.kinds(said));
      assertEquals("A", said.get(0).path("calculated_value").path("symbol").asText());
      assertEquals("{\"0\":[1]}", said.get(0).path("evidence").path("lost").toString());
      // A window that is opened later, and an order, could be older than it, too.
      List<JsonNode> later = folding.see(2, Events.event(3, "C", T0));
      later.forEach(m -> assertEquals("{\"0\":[1]}", m.path("evidence").path("lost").toString()));
      assertEquals(2, later.size());
      // Not within the second: it waits for the last word at the latest.
      assertEquals(List.of("_dead_letter"), Folding.kinds(folding.see(Events.record(1, 1, null, "{", T0))));
      Map<String, JsonNode> closed = Folding.newest(folding.watermark(T0 + 20 * MINUTE));
      assertEquals(
          "{\"1\":[1]}",
          closed.get("order_window/B@2026-01-05T09:00:00.000Z").path("evidence").path("lost").toString());
    }
  }

  @Test
  void aPoisonRecordCannotBelongToAWindowThatBeginsLongAfterIt() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(Events.record(0, 0, "A", "{", T0));
      folding.see(Events.record(0, 1, null, "{", T0));
      List<JsonNode> said = folding.see(2, Events.event(1, "A", T0 + 5 * MINUTE));
      assertTrue(last(said).path("evidence").path("lost").isMissingNode());
      assertTrue(said.get(0).path("evidence").path("lost").isMissingNode());
    }
  }

  @Test
  void aRestoredFoldGoesOnWhereTheSnapshotWasTaken() throws Exception {
    Folding.Snapshot snapshot;
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      folding.see(0, Events.event(1, "A", T0));
      folding.see(1, Events.event(2, "B", T0 + 5 * MINUTE + 10_000));
      snapshot = folding.snapshot(1);
      folding.see(2, Events.event(3, "A", T0)); // lost with the crash, read again
    }
    try (Folding folding = new Folding(FoldSettings.DEFAULTS, snapshot)) {
      folding.time(60_000);
      assertEquals(List.of(), folding.see(2, Events.event(1, "A", T0)));
      JsonNode window = last(folding.see(3, Events.event(3, "A", T0)));
      assertEquals(2, window.path("calculated_value").path("orders_total").asInt());
      assertEquals(2, window.path("revision").asInt());
      assertEquals("LATE", window.path("cause").asText()); // the partition's watermark has been restored
      assertTrue(last(folding.watermark(T0 + 6 * MINUTE - 1)).path("final").asBoolean());
    }
  }

  @Test
  void anOrderTooOldForItsNeighboursToBeRememberedIsNotJudgedRapid() throws Exception {
    try (Folding folding = new Folding(FoldSettings.DEFAULTS)) {
      for (int n = 0; n < 4; n++) {
        folding.see(n, Events.event(n, "A", T0 + 10 * MINUTE));
      }
      List<JsonNode> said = folding.see(4, Events.event(4, "A", T0 + 10 * MINUTE - 70_001));
      assertTrue(
          Folding.newest(said).containsKey("_late_dropped/RAPID_ORDERS:o-4"), Folding.newest(said).keySet().toString());
      assertTrue(
          Folding.newest(folding.see(5, Events.event(5, "A", T0 + 10 * MINUTE)))
              .containsKey("anomaly/RAPID_ORDERS:o-5"));
    }
  }

  private static JsonNode window(Map<String, JsonNode> newest, String symbol) {
    return newest.get("order_window/" + symbol + "@2026-01-05T09:00:00.000Z").path("calculated_value");
  }

  private static JsonNode last(List<JsonNode> messages) {
    return messages.get(messages.size() - 1);
  }

  private static List<Long> totals(List<JsonNode> messages) {
    return messages.stream()
        .filter(m -> m.path("kind").asText().equals("order_window"))
        .map(m -> m.path("calculated_value").path("orders_total").asLong())
        .toList();
  }

  /** All that a message without a stamp says. */
  private static void assertSame(JsonNode golden, JsonNode message) {
    message.fieldNames().forEachRemaining(name -> assertEquals(golden.path(name), message.path(name), name));
  }
}
