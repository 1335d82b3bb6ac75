package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Test;

class SettingsTest {
  private static final Map<String, String> LEAST = Map.of("KAFKA_BROKERS", "k:9092");

  @Test
  void theDefaultsAreThoseOfSeed003AndOfTheContract() {
    Map<String, String> config = ClusterConfig.of(Settings.read(LEAST)).toMap();
    assertEquals("1 min", config.get("execution.checkpointing.interval"));
    assertEquals("10 min", config.get("execution.checkpointing.timeout"));
    assertEquals("30 s", config.get("execution.checkpointing.min-pause"));
    assertEquals("1", config.get("execution.checkpointing.max-concurrent-checkpoints"));
    assertEquals("3", config.get("execution.checkpointing.tolerable-failed-checkpoints"));
    assertEquals("EXACTLY_ONCE", config.get("execution.checkpointing.mode"));
    assertEquals("RETAIN_ON_CANCELLATION", config.get("execution.checkpointing.externalized-checkpoint-retention"));
    assertEquals("false", config.get("execution.checkpointing.unaligned.enabled"));
    assertEquals("rocksdb", config.get("state.backend.type"));
    assertEquals("true", config.get("execution.checkpointing.incremental"));
    assertEquals("fixed-delay", config.get("restart-strategy.type"));
    assertEquals("3", config.get("restart-strategy.fixed-delay.attempts"));
    assertEquals("10 s", config.get("restart-strategy.fixed-delay.delay"));
    // Where checkpoints lie is the cluster's business unless somebody says it.
    assertEquals(null, config.get("execution.checkpointing.dir"));
    assertEquals(FoldSettings.DEFAULTS, Settings.read(LEAST).fold);
  }

  @Test
  void everyVariableOfSeed003IsObeyed() {
    Settings settings =
        Settings.read(
            LEAST,
            "FLINK_CHECKPOINT_INTERVAL_MS=1000",
            "FLINK_CHECKPOINT_TIMEOUT_MS=3000",
            "FLINK_MIN_PAUSE_BETWEEN_CHECKPOINTS_MS=0",
            "FLINK_MAX_CONCURRENT_CHECKPOINTS=2",
            "FLINK_CHECKPOINT_MODE=AT_LEAST_ONCE",
            "FLINK_STATE_BACKEND=hashmap",
            "FLINK_CHECKPOINT_STORAGE=s3://bucket/tidemark",
            "FLINK_UNALIGNED_CHECKPOINTS=true",
            "FLINK_RESTART_STRATEGY=failure-rate",
            "FLINK_FAILURE_RATE_MAX_FAILURES=5",
            "FLINK_FAILURE_RATE_INTERVAL_MS=60000",
            "FLINK_FAILURE_RATE_DELAY_MS=2000",
            "HIGH_AMOUNT=12.5");
    Map<String, String> config = ClusterConfig.of(settings).toMap();
    assertEquals("1 s", config.get("execution.checkpointing.interval"));
    assertEquals("3 s", config.get("execution.checkpointing.timeout"));
    assertEquals("0 ms", config.get("execution.checkpointing.min-pause"));
    assertEquals("2", config.get("execution.checkpointing.max-concurrent-checkpoints"));
    assertEquals("AT_LEAST_ONCE", config.get("execution.checkpointing.mode"));
    assertEquals("hashmap", config.get("state.backend.type"));
    assertEquals("false", config.get("execution.checkpointing.incremental"));
    assertEquals("s3://bucket/tidemark", config.get("execution.checkpointing.dir"));
    assertEquals("true", config.get("execution.checkpointing.unaligned.enabled"));
    assertEquals("failure-rate", config.get("restart-strategy.type"));
    assertEquals("5", config.get("restart-strategy.failure-rate.max-failures-per-interval"));
    assertEquals("1 min", config.get("restart-strategy.failure-rate.failure-rate-interval"));
    assertEquals("2 s", config.get("restart-strategy.failure-rate.delay"));
    assertEquals(new BigDecimal("12.5"), settings.fold.highAmount());
  }

  @Test
  void exponentialDelayAndNoneAreTakenToo() {
    for (String strategy : new String[] {"exponential-delay", "none"}) {
      Configuration config = ClusterConfig.of(Settings.read(LEAST, "FLINK_RESTART_STRATEGY=" + strategy));
      assertEquals(strategy, config.toMap().get("restart-strategy.type"));
    }
  }

  @Test
  void whatIsWrongIsSaidVariableByVariable() {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    Settings.read(
                        Map.of(), "FLINK_STATE_BACKEND=redis", "FLINK_CHECKPOINT_INTERVAL_MS=soon", "HIGH_AMOUNT=1e9", "x"))
            .getMessage();
    for (String name : new String[] {"KAFKA_BROKERS", "FLINK_STATE_BACKEND", "FLINK_CHECKPOINT_INTERVAL_MS", "HIGH_AMOUNT", "\"x\""}) {
      assertTrue(message.contains(name), message);
    }
  }

  @Test
  void settingsOfAllKafkaClientsComeByPrefix() {
    Settings settings = Settings.read(LEAST, "KAFKA_PROPERTY_SECURITY_PROTOCOL=SASL_SSL");
    assertEquals(Map.of("security.protocol", "SASL_SSL"), settings.kafkaProperties);
  }
}
