package io.tidemark.stamp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.apache.flink.api.common.JobID;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.operators.testutils.MockEnvironment;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class StampTest {
  private static final StampOptions OPTIONS =
      new StampOptions("orders-flink", 2, DeliveryGuarantee.EXACTLY_ONCE, 1_000);
  private static final JobID FIRST = JobID.fromHexString("b3c1f8d2a4e54f6f9a0b7c6d5e4f3a20");
  private static final JobID SECOND = JobID.fromHexString("b3c1f8d2a4e54f6f9a0b7c6d5e4f3a21");
  private static final long T0 = Instant.parse("2026-01-05T09:00:00.000Z").toEpochMilli();

  static List<String> goldens() {
    return Wire.goldens().toList();
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void goldenMessagesSatisfyTheSchemasInJavaToo(String name) {
    JsonNode message = Wire.golden(name);
    String problems =
        switch (name.substring(0, name.indexOf('.'))) {
          case "event" -> Wire.problems("order-event", message);
          case "reset" -> Wire.problems("reset", message);
          default -> Wire.problems(message);
        };
    assertEquals("", problems);
  }

  @Test
  void theSchemasRefuseInJavaToo() {
    ObjectNode message = Wire.golden("result.flink.json").deepCopy();
    message.put("seq", 0);
    assertTrue(Wire.problems(message).contains("seq"), Wire.problems(message));
  }

  @Test
  void aResultIsStampedExactlyAsTheGoldenMessageSays() {
    JsonNode golden = Wire.golden("result.flink.json");
    Run run = new Run(OPTIONS, SECOND.toHexString() + "/0", 0, 1, OptionalLong.of(41), List.of(parent(0, 0, 811)));
    Result result =
        Result.of("order_window", golden.path("business_key").asText(), (ObjectNode) golden.path("calculated_value"))
            .routedBy("005930")
            .revision(5)
            .cause("IN_ORDER")
            .isFinal(false)
            .evidence((ObjectNode) golden.path("evidence"));
    for (int n = 2; n < 812; n++) { // the _run record is the first
      json(run.stamp(result, T0 + 1_000)).forEach(message -> assertEquals("", Wire.problems(message)));
    }
    assertEquals(golden, json(run.stamp(result, T0 + 1_000)).get(0));
  }

  @Test
  void theFirstRecordOfARunInAPartitionIsTheGoldenListOfItsParentsCounters() {
    int partition = new Run(OPTIONS, "x/0", 0, 1, OptionalLong.empty(), List.of()).stamp(result("005930"), T0).get(0).partition;
    Run run =
        new Run(OPTIONS, SECOND.toHexString() + "/0", 0, 1, OptionalLong.of(41), List.of(parent(0, partition, 811)));
    List<JsonNode> messages = json(run.stamp(result("005930"), T0 + 1_000));
    assertEquals(Wire.golden("control.run.json"), messages.get(0));
    assertEquals(2, messages.size());
    assertEquals(2, messages.get(1).path("seq").asLong());
  }

  @Test
  void aFreshRunHasNoParentAndSaysSo() {
    JsonNode first = json(new Run(OPTIONS, "job/0", 1, 2, OptionalLong.empty(), List.of()).heartbeat("RUNNING", T0)).get(0);
    assertEquals("", Wire.problems(first));
    assertEquals("_run", first.path("kind").asText());
    assertTrue(first.path("calculated_value").path("parent").isNull());
    assertTrue(first.path("calculated_value").path("restored_checkpoint").isNull());
    assertEquals(0, first.path("calculated_value").path("counters").size());
    assertEquals(1, first.path("epoch").asLong());
    assertTrue(first.path("completed_checkpoint").isNull());
  }

  @Test
  void aHeartbeatSaysHowFarTheSourceIsFoldedExactlyAsTheGoldenMessageSays() {
    Run run = new Run(OPTIONS, SECOND.toHexString() + "/0", 0, 2, OptionalLong.of(41), List.of(parent(0, 0, 811)));
    run.reached(0, 1_241, T0 + 12);
    run.reached(1, 1_200, T0 + 8);
    run.reached(0, 1_100, T0); // never back
    List<JsonNode> messages = json(run.heartbeat("RUNNING", T0 + 1_000));
    assertEquals(Wire.golden("control.heartbeat-flink.json"), messages.get(1));
  }

  @Test
  void newsOfTheSourceIsNoMessageAndIsSaidWithTheNextHeartbeat() throws Exception {
    try (var harness = harness(FIRST, 0)) {
      harness.setProcessingTime(T0);
      harness.open();
      harness.setProcessingTime(T0 + 1);
      harness.getOutput().clear();
      harness.processElement(Result.progress(3, 7, T0), 0);
      assertEquals(List.of(), summary(harness));
      harness.setProcessingTime(T0 + 1_001);
      assertEquals(List.of("0 _heartbeat 3", "1 _heartbeat 3"), summary(harness));
      for (JsonNode beat : json(harness.extractOutputValues())) {
        assertEquals(7, beat.path("calculated_value").path("sources").path("3").path("next_offset").asLong());
      }
    }
  }

  @Test
  void numbersHaveNoGapInAnyPartitionWhateverIsSent() throws Exception {
    try (var harness = harness(FIRST, 0)) {
      harness.open();
      harness.setProcessingTime(T0);
      Map<Integer, Long> last = new HashMap<>();
      for (int n = 0; n < 500; n++) {
        harness.processElement(result("G" + n), 0);
        if (n % 50 == 0) {
          harness.setProcessingTime(T0 + n * 100L);
        }
      }
      List<Stamped> sent = harness.extractOutputValues();
      assertTrue(sent.size() > 500 + 2 * 10);
      for (Stamped record : sent) {
        long seq = Wire.json(record.value).path("seq").asLong();
        assertEquals(last.getOrDefault(record.partition, 0L) + 1, seq);
        last.put(record.partition, seq);
      }
      assertEquals(2, last.size());
    }
  }

  @Test
  void thePartitionIsKafkasOwnChoiceForTheRoute() {
    Run run = new Run(new StampOptions("p", 4, DeliveryGuarantee.NONE, 0), "j/0", 0, 1, OptionalLong.empty(), List.of());
    // A vector of Kafka's own test, which wire/wire.test.ts has too.
    assertEquals((-973932308 & 0x7fffffff) % 4, run.stamp(result("21"), T0).get(1).partition);
    assertEquals(3, run.stamp(result("21").intoPartition(7), T0).get(1).partition);
  }

  @Test
  void anIdleSubtaskIntroducesItselfAndBeatsInEveryPartition() throws Exception {
    try (var harness = harness(FIRST, 0)) {
      harness.setProcessingTime(T0);
      harness.open();
      harness.setProcessingTime(T0 + 1);
      assertEquals(List.of("0 _run 1", "0 _heartbeat 2", "1 _run 1", "1 _heartbeat 2"), summary(harness));
      harness.getOutput().clear();
      harness.setProcessingTime(T0 + 1_001);
      assertEquals(List.of("0 _heartbeat 3", "1 _heartbeat 3"), summary(harness));
      harness.extractOutputValues().forEach(r -> assertEquals("", Wire.problems(Wire.json(r.value))));
    }
  }

  @Test
  void theEpochFollowsTheLastSnapshotAndOnlyACompletedCheckpointIsReported() throws Exception {
    try (var harness = harness(FIRST, 0)) {
      harness.open();
      assertEquals("1 null", epochAndCompleted(harness));
      harness.snapshot(7, T0);
      assertEquals("8 null", epochAndCompleted(harness));
      harness.snapshot(8, T0 + 1_000);
      harness.notifyOfCompletedCheckpoint(8);
      assertEquals("9 {\"id\":8,\"time\":\"2026-01-05T09:00:01.000Z\"}", epochAndCompleted(harness));
      harness.notifyOfCompletedCheckpoint(7);
      assertEquals("9 {\"id\":8,\"time\":\"2026-01-05T09:00:01.000Z\"}", epochAndCompleted(harness));
    }
  }

  @Test
  void aRestoredRunListsAllSubtasksOfItsParentAlsoWithAnotherParallelism() throws Exception {
    OperatorSubtaskState both;
    try (var a = harness(FIRST, 0, 2);
        var b = harness(FIRST, 1, 2)) {
      a.open();
      b.open();
      a.processElement(result("A").intoPartition(0), 0);
      a.processElement(result("A").intoPartition(0), 0);
      b.processElement(result("B").intoPartition(1), 0);
      both = OneInputStreamOperatorTestHarness.repackageState(a.snapshot(5, T0), b.snapshot(5, T0));
      a.processElement(result("A").intoPartition(0), 0); // after the snapshot: not in the list
    }
    try (var c = harness(SECOND, 0, 1)) {
      c.setRestoredCheckpointId(5);
      c.initializeState(OneInputStreamOperatorTestHarness.repartitionOperatorState(both, 2, 2, 1, 0));
      c.open();
      c.processElement(result("A").intoPartition(0), 0);
      JsonNode run = Wire.json(c.extractOutputValues().get(0).value);
      assertEquals("", Wire.problems(run));
      assertEquals(
          Wire.json(
              "{\"parent\":\"" + FIRST.toHexString() + "/0\",\"restored_checkpoint\":5,"
                  + "\"counters\":[{\"subtask\":0,\"seq\":3},{\"subtask\":1,\"seq\":0}]}"),
          run.path("calculated_value"));
      assertEquals(Wire.json("[[\"" + FIRST.toHexString() + "/0\",5]]"), run.path("run").path("lineage"));
      assertEquals(6, run.path("epoch").asLong());
      assertEquals(5, run.path("completed_checkpoint").path("id").asLong());
      assertEquals("2026-01-05T09:00:00.000Z", run.path("completed_checkpoint").path("time").asText());
    }
  }

  @Test
  void aLineageGrowsByOneStepPerRestoreAndNamesOnlyRunsWhoseCheckpointsWereUsed() {
    Run a = new Run(OPTIONS, "a/0", 0, 1, OptionalLong.empty(), List.of());
    StampState atFive = a.snapshot(5, T0);
    Run b = new Run(OPTIONS, "b/0", 0, 1, OptionalLong.of(5), List.of(atFive));
    Run c = new Run(OPTIONS, "c/1", 0, 1, OptionalLong.of(5), List.of(atFive)); // b never completed a checkpoint
    Run d = new Run(OPTIONS, "d/0", 0, 1, OptionalLong.of(9), List.of(c.snapshot(9, T0)));
    assertEquals("[[\"a/0\",5]]", lineage(b));
    assertEquals("[[\"a/0\",5]]", lineage(c));
    assertEquals("[[\"a/0\",5],[\"c/1\",9]]", lineage(d));
  }

  @Test
  void aLongLineageIsWholeInTheRunRecordAndBoundedInTheOthers() {
    Run run = new Run(OPTIONS, "r/0", 0, 1, OptionalLong.empty(), List.of());
    for (int n = 1; n <= 40; n++) {
      run = new Run(OPTIONS, "r/" + n, 0, 1, OptionalLong.of(n), List.of(run.snapshot(n, T0)));
    }
    List<JsonNode> messages = json(run.stamp(result("A"), T0));
    assertEquals(40, messages.get(0).path("run").path("lineage").size());
    JsonNode newest = messages.get(1).path("run").path("lineage");
    assertEquals(Run.LINEAGE_IN_MESSAGES, newest.size());
    assertEquals("[\"r/39\",40]", newest.get(newest.size() - 1).toString());
  }

  @Test
  void aJobManagerThatCountsAttemptsFromZeroAgainMakesNoSecondRunOfTheSameName() {
    Run first = new Run(OPTIONS, "job/0", 0, 1, OptionalLong.empty(), List.of());
    Run second = new Run(OPTIONS, "job/0", 0, 1, OptionalLong.of(3), List.of(first.snapshot(3, T0)));
    Run third = new Run(OPTIONS, "job/0", 0, 1, OptionalLong.of(6), List.of(second.snapshot(6, T0)));
    assertEquals(List.of("job/0", "job/0.1", "job/0.2"), List.of(first.id(), second.id(), third.id()));
  }

  @Test
  void theEndOfAllInputSaysGoodbyeOnce() throws Exception {
    try (var harness = harness(FIRST, 0)) {
      harness.setProcessingTime(T0);
      harness.open();
      harness.setProcessingTime(T0 + 1);
      harness.getOutput().clear();
      harness.endInput();
      harness.getOperator().finish();
      harness.setProcessingTime(T0 + 60_000);
      List<JsonNode> said = json(harness.extractOutputValues());
      assertEquals(2, said.size());
      said.forEach(m -> assertEquals("STOPPING", m.path("calculated_value").path("state").asText()));
    }
  }

  @Test
  void aRecordGoesWhereTheStampSaidUnderItsBusinessKeyAndWithoutAnEventTime() {
    var sent = new StampedSerializer("results").serialize(new Stamped(3, "key", "{}"), null, T0);
    assertEquals("results", sent.topic());
    assertEquals(3, sent.partition());
    assertEquals("key", new String(sent.key(), StandardCharsets.UTF_8));
    assertNull(sent.timestamp());
  }

  @ParameterizedTest
  @EnumSource(DeliveryGuarantee.class)
  void theSinkCanBeBuiltForEveryDelivery(DeliveryGuarantee delivery) {
    StampOptions options = new StampOptions("p", 1, delivery, 1_000);
    assertNotNull(Stamp.sink(options, "localhost:1", "results", "prefix", Map.of("security.protocol", "PLAINTEXT")));
  }

  private static Result result(String symbol) {
    return Result.of("order_window", symbol + "@w", JsonNodeFactory.instance.objectNode()).routedBy(symbol);
  }

  private static StampState parent(int subtask, int partition, long seq) {
    StampState state = new StampState();
    state.run = FIRST.toHexString() + "/2";
    state.subtask = subtask;
    state.checkpointTimeMs = T0 + 500;
    state.partitions = new int[] {partition};
    state.sequences = new long[] {seq};
    return state;
  }

  private static OneInputStreamOperatorTestHarness<Result, Stamped> harness(JobID job, int subtask) throws Exception {
    return harness(job, subtask, 1);
  }

  private static OneInputStreamOperatorTestHarness<Result, Stamped> harness(JobID job, int subtask, int parallelism)
      throws Exception {
    MockEnvironment environment =
        new MockEnvironmentBuilder()
            .setJobID(job)
            .setSubtaskIndex(subtask)
            .setParallelism(parallelism)
            .setMaxParallelism(8)
            .build();
    return new OneInputStreamOperatorTestHarness<>(new StampOperatorFactory(OPTIONS), environment);
  }

  private static String epochAndCompleted(OneInputStreamOperatorTestHarness<Result, Stamped> harness) throws Exception {
    harness.processElement(result("A"), 0);
    List<Stamped> sent = harness.extractOutputValues();
    JsonNode last = Wire.json(sent.get(sent.size() - 1).value);
    return last.path("epoch") + " " + last.path("completed_checkpoint");
  }

  private static List<String> summary(OneInputStreamOperatorTestHarness<Result, Stamped> harness) {
    return harness.extractOutputValues().stream()
        .map(r -> r.partition + " " + Wire.json(r.value).path("kind").asText() + " " + Wire.json(r.value).path("seq"))
        .toList();
  }

  private static String lineage(Run run) {
    return json(run.stamp(result("A"), T0)).get(0).path("run").path("lineage").toString();
  }

  private static List<JsonNode> json(List<Stamped> records) {
    List<JsonNode> messages = new ArrayList<>();
    records.forEach(r -> messages.add(Wire.json(r.value)));
    return messages;
  }
}
