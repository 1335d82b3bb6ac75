package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidemark.stamp.StampOptions;
import io.tidemark.stamp.Stamped;
import io.tidemark.stamp.Wire;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The whole job in a cluster: RocksDB, checkpoints, a failure, then a savepoint from which another version goes on. */
class OrdersJobTest {
  private static final int RESULT_PARTITIONS = 3;
  private static final Duration LIMIT = Duration.ofSeconds(90);

  @RegisterExtension
  static final MiniClusterExtension CLUSTER =
      new MiniClusterExtension(
          new MiniClusterResourceConfiguration.Builder()
              .setNumberTaskManagers(1)
              .setNumberSlotsPerTaskManager(2)
              .build());

  @TempDir static Path folder;

  private static List<JsonNode> messages;
  private static String first;
  private static String second;

  @BeforeAll
  static void runsAndIsUpgraded() throws Exception {
    MemoryTopic.clear();
    JobClient before = submit(MemorySource.of(250, 350), null, "FLINK_STATE_BACKEND=rocksdb");
    first = before.getJobID().toHexString();
    // Its second attempt has got somewhere, and nothing is left that its source would give it.
    eventually(() -> committed(first + "/1") > 100 && told(first + "/1") == 2);
    String savepoint =
        before
            .stopWithSavepoint(false, folder.resolve("savepoints").toUri().toString(), SavepointFormatType.CANONICAL)
            .get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    JobClient after =
        submit(
            MemorySource.of(-1, Integer.MAX_VALUE),
            savepoint,
            "FLINK_STATE_BACKEND=hashmap",
            "FLINK_UNALIGNED_CHECKPOINTS=true");
    second = after.getJobID().toHexString();
    after.getJobExecutionResult().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
    messages = MemoryTopic.committed().stream().map(record -> Wire.json(record.value)).toList();
  }

  @Test
  void everyMessageSatisfiesTheSchema() {
    List<String> problems = messages.stream().map(Wire::problems).filter(p -> !p.isEmpty()).distinct().toList();
    assertEquals(List.of(), problems);
  }

  @Test
  void whatWasCommittedEqualsTheOracleInSpiteOfFailureAndUpgrade() throws Exception {
    Map<String, JsonNode> results = new TreeMap<>();
    Map<String, Long> revisions = new HashMap<>();
    for (JsonNode message : messages) {
      String key = message.path("kind").asText() + "/" + message.path("business_key").asText();
      if (!key.startsWith("_") && !isReset(message)) {
        results.put(key, Oracle.comparable(message));
        // No emission is committed twice, none is lost.
        assertEquals(revisions.getOrDefault(key, 0L) + 1, message.path("revision").asLong(), key);
        revisions.put(key, message.path("revision").asLong());
      }
      assertTrue(!key.startsWith("_late_dropped"), key);
    }
    Oracle.assertAgree(Oracle.fold(MemorySource.oracleLines()), results);
  }

  @Test
  void everyWindowHasSaidItsLastWordOnce() {
    Map<String, Integer> finals = new TreeMap<>();
    for (JsonNode message : messages) {
      if (message.path("kind").asText().equals("order_window")) {
        finals.merge(message.path("business_key").asText(), message.path("final").asBoolean() ? 1 : 0, Integer::sum);
      }
    }
    assertTrue(finals.size() > 12, finals.toString());
    finals.forEach((key, count) -> assertEquals(1, count, key));
  }

  @Test
  void aCommandReplacesTheStateOfItsKeyThroughFailureAndUpgrade() {
    List<JsonNode> said = messages.stream().filter(OrdersJobTest::isReset).toList();
    assertEquals(1, said.size());
    assertEquals("2000", said.get(0).path("calculated_value").path("total_amount").asText());
    assertEquals("fold-1", said.get(0).path("state_reset").asText());
    assertTrue(said.get(0).path("final").asBoolean());
  }

  @Test
  void theNumbersOfEachRunHaveNoGapInAnyPartition() {
    Map<String, Long> last = new HashMap<>();
    for (Stamped record : MemoryTopic.committed()) {
      JsonNode message = Wire.json(record.value);
      long seq = message.path("seq").asLong();
      assertEquals(last.getOrDefault(counter(message, record.partition), 0L) + 1, seq);
      last.put(counter(message, record.partition), seq);
      if (seq == 1) {
        assertEquals("_run", message.path("kind").asText());
      }
    }
    // Two subtasks into three partitions, in each of the runs that committed anything.
    for (String run : List.of(first + "/0", first + "/1", second + "/0")) {
      assertEquals(6, last.keySet().stream().filter(key -> key.startsWith(run + " ")).count(), run);
    }
  }

  @Test
  void whatARunSaysItsParentHadSentIsWhatWasCommitted() {
    List<JsonNode> starts = new ArrayList<>();
    for (Stamped record : MemoryTopic.committed()) {
      JsonNode message = Wire.json(record.value);
      JsonNode payload = message.path("calculated_value");
      if (!message.path("kind").asText().equals("_run") || payload.path("parent").isNull()) {
        continue;
      }
      starts.add(message);
      assertEquals(2, payload.path("counters").size());
      for (JsonNode counter : payload.path("counters")) {
        String parent = payload.path("parent").asText() + " " + counter.path("subtask") + " " + record.partition;
        long sent =
            MemoryTopic.committed().stream()
                .filter(r -> counter(Wire.json(r.value), r.partition).equals(parent))
                .filter(r -> Wire.json(r.value).path("epoch").asLong() <= payload.path("restored_checkpoint").asLong())
                .count();
        assertEquals(counter.path("seq").asLong(), sent, parent);
      }
    }
    assertEquals(12, starts.size());
  }

  @Test
  void behindAHeartbeatNothingComesOfRecordsThatItSaysAreFolded() {
    Map<String, JsonNode> told = new HashMap<>();
    for (Stamped record : MemoryTopic.committed()) {
      JsonNode message = Wire.json(record.value);
      JsonNode payload = message.path("calculated_value");
      String counter = counter(message, record.partition);
      if (message.path("kind").asText().equals("_heartbeat")) {
        assertEquals(2, payload.path("subtasks").asInt());
        told.put(counter, payload.path("sources"));
      } else if (message.path("kind").asText().equals("order")) {
        // What an order is says its newest event, each of which is said once.
        message.path("evidence").path("coverage").fields().forEachRemaining(
            own -> {
              long next = told.getOrDefault(counter, payload).path(own.getKey()).path("next_offset").asLong();
              assertTrue(own.getValue().get(1).asLong() >= next, () -> message + " behind " + next);
            });
      }
    }
  }

  @Test
  void theLineageNamesTheAttemptAndTheSavepointInOrder() {
    JsonNode last = messages.get(messages.size() - 1).path("run").path("lineage");
    assertEquals(2, last.size());
    assertEquals(first + "/0", last.get(0).get(0).asText());
    assertEquals(first + "/1", last.get(1).get(0).asText());
    assertTrue(last.get(0).get(1).asLong() < last.get(1).get(1).asLong(), last.toString());
  }

  @Test
  void everySubtaskSaysGoodbyeInEveryPartition() {
    long goodbyes =
        messages.stream()
            .filter(m -> m.path("kind").asText().equals("_heartbeat"))
            .filter(m -> m.path("calculated_value").path("state").asText().equals("STOPPING"))
            .count();
    assertEquals(2 * RESULT_PARTITIONS, goodbyes);
  }

  private static JobClient submit(Source<SourceRecord, ?, ?> source, String savepoint, String... more)
      throws Exception {
    List<String> arguments = new ArrayList<>(List.of(more));
    arguments.add("FLINK_CHECKPOINT_INTERVAL_MS=200");
    arguments.add("FLINK_MIN_PAUSE_BETWEEN_CHECKPOINTS_MS=0");
    arguments.add("FLINK_RESTART_DELAY_MS=0");
    arguments.add("FLINK_IDLE_MS=600000");
    arguments.add("EMIT_INTERVAL_MS=50");
    arguments.add("FLINK_CHECKPOINT_STORAGE=" + folder.resolve("checkpoints").toUri());
    Settings settings = Settings.read(Map.of("KAFKA_BROKERS", "none"), arguments.toArray(String[]::new));
    Configuration config = ClusterConfig.of(settings);
    if (savepoint != null) {
      config.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
    env.setParallelism(2);
    StampOptions stamp = StampOptions.of("orders-flink", RESULT_PARTITIONS, env);
    new OrdersJob(settings.fold, stamp, source, MemorySource.resets(), new MemoryTopic()).build(env);
    return env.executeAsync();
  }

  private static boolean isReset(JsonNode message) {
    return message.path("business_key").asText().startsWith("R@");
  }

  private static long committed(String run) {
    return MemoryTopic.committed().stream().filter(r -> r.value.contains("\"run\":{\"id\":\"" + run + "\"")).count();
  }

  /** Subtasks of the run that have spoken of both source partitions. */
  private static long told(String run) {
    return MemoryTopic.committed().stream()
        .map(record -> Wire.json(record.value))
        .filter(m -> m.path("kind").asText().equals("_heartbeat") && m.path("run").path("id").asText().equals(run))
        .filter(m -> m.path("calculated_value").path("sources").size() == 2)
        .map(m -> m.path("run").path("subtask").asInt())
        .distinct()
        .count();
  }

  private static String counter(JsonNode message, int partition) {
    JsonNode run = message.path("run");
    return run.path("id").asText() + " " + run.path("subtask") + " " + partition;
  }

  private static void eventually(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "waited in vain");
      Thread.sleep(50);
    }
  }
}
