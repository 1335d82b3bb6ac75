package io.tidemark.orders;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * Everything the job reads from its environment; README.md says what each does. The names and defaults of the {@code
 * FLINK_*} variables that concern checkpoints and restarts are those of seed 003.
 */
public final class Settings {
  /** Said instead of a topic: there is none. */
  static final String NONE = "none";

  /** Of the variables {@code KAFKA_PROPERTY_*}: settings of all Kafka clients, {@code SECURITY_PROTOCOL} for instance. */
  private static final String KAFKA_PREFIX = "KAFKA_PROPERTY_";

  private final Map<String, String> variables;
  private final List<String> problems = new ArrayList<>();

  public final String brokers;
  public final String group;
  public final String sourceTopic;
  public final String resultTopic;

  /** {@link #NONE}: no commands are read. */
  public final String resetTopic;

  public final String pipeline;
  public final String transactionalIdPrefix;
  public final Map<String, String> kafkaProperties;
  public final int parallelism;
  public final long checkpointIntervalMs;
  public final long checkpointTimeoutMs;
  public final long minPauseMs;
  public final int maxConcurrentCheckpoints;
  public final int tolerableFailures;
  public final String checkpointMode;
  public final boolean unaligned;
  public final String stateBackend;
  public final String checkpointStorage;
  public final String restartStrategy;
  public final int restartAttempts;
  public final long restartDelayMs;
  public final int failureRateMaxFailures;
  public final long failureRateIntervalMs;
  public final long failureRateDelayMs;
  public final FoldSettings fold;

  private Settings(Map<String, String> variables) {
    this.variables = variables;
    FoldSettings d = FoldSettings.DEFAULTS;
    brokers = text("KAFKA_BROKERS", null);
    group = text("FLINK_GROUP", "tidemark-flink");
    sourceTopic = text("FLINK_SOURCE_TOPIC", "orders.events");
    resultTopic = text("FLINK_RESULT_TOPIC", "results.flink");
    resetTopic = text("FLINK_RESET_TOPIC", "orders.resets");
    pipeline = text("FLINK_PIPELINE", "orders-flink");
    transactionalIdPrefix = text("FLINK_TRANSACTIONAL_ID_PREFIX", "tidemark-" + pipeline);
    kafkaProperties = kafkaProperties();
    parallelism = (int) number("FLINK_PARALLELISM", 2, 1);
    checkpointIntervalMs = number("FLINK_CHECKPOINT_INTERVAL_MS", 60_000, 10);
    checkpointTimeoutMs = number("FLINK_CHECKPOINT_TIMEOUT_MS", 600_000, 10);
    minPauseMs = number("FLINK_MIN_PAUSE_BETWEEN_CHECKPOINTS_MS", 30_000, 0);
    maxConcurrentCheckpoints = (int) number("FLINK_MAX_CONCURRENT_CHECKPOINTS", 1, 1);
    tolerableFailures = (int) number("FLINK_TOLERABLE_CHECKPOINT_FAILURES", 3, 0);
    checkpointMode = word("FLINK_CHECKPOINT_MODE", "EXACTLY_ONCE", "AT_LEAST_ONCE");
    unaligned = word("FLINK_UNALIGNED_CHECKPOINTS", "false", "true").equals("true");
    stateBackend = word("FLINK_STATE_BACKEND", "rocksdb", "hashmap");
    checkpointStorage = text("FLINK_CHECKPOINT_STORAGE", "");
    restartStrategy = word("FLINK_RESTART_STRATEGY", "fixed-delay", "failure-rate", "exponential-delay", "none");
    restartAttempts = (int) number("FLINK_RESTART_ATTEMPTS", 3, 0);
    restartDelayMs = number("FLINK_RESTART_DELAY_MS", 10_000, 0);
    failureRateMaxFailures = (int) number("FLINK_FAILURE_RATE_MAX_FAILURES", 3, 1);
    failureRateIntervalMs = number("FLINK_FAILURE_RATE_INTERVAL_MS", 300_000, 1);
    failureRateDelayMs = number("FLINK_FAILURE_RATE_DELAY_MS", 10_000, 0);
    fold =
        new FoldSettings(
            number("WINDOW_MS", d.windowMs(), 1),
            number("ALLOWED_LATENESS_MS", d.latenessMs(), 1),
            number("WATERMARK_DELAY_MS", d.watermarkDelayMs(), 1),
            number("FLINK_IDLE_MS", d.idleMs(), 1),
            number("EMIT_INTERVAL_MS", d.emitIntervalMs(), 1),
            number("POISON_SKEW_MS", d.poisonSkewMs(), 1),
            number("LARGE_ORDER_QUANTITY", d.largeOrderQuantity(), 1),
            decimal("HIGH_AMOUNT", d.highAmount()),
            decimal("PRICE_SPIKE_PERCENT", d.priceSpikePercent()),
            (int) number("RAPID_ORDERS", d.rapidOrders(), 1),
            number("RAPID_WINDOW_MS", d.rapidWindowMs(), 1));
  }

  /**
   * @param environment variables of the process
   * @param arguments {@code NAME=value}; they win
   * @throws IllegalArgumentException with a sentence per variable that is wrong
   */
  public static Settings read(Map<String, String> environment, String... arguments) {
    Map<String, String> variables = new LinkedHashMap<>(environment);
    List<String> unknown = new ArrayList<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      if (equals <= 0) {
        unknown.add("\"" + argument + "\" is not NAME=value");
      } else {
        variables.put(argument.substring(0, equals), argument.substring(equals + 1));
      }
    }
    Settings settings = new Settings(variables);
    unknown.addAll(settings.problems);
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", unknown));
    }
    return settings;
  }

  private String text(String name, String fallback) {
    String value = variables.getOrDefault(name, "");
    if (value.isEmpty() && fallback == null) {
      problems.add(name + " must be set");
    }
    return value.isEmpty() ? fallback : value;
  }

  /** The first of the words is the default. */
  private String word(String name, String... words) {
    String value = text(name, words[0]);
    if (!List.of(words).contains(value)) {
      problems.add(name + " must be one of " + String.join(", ", words) + ", not \"" + value + "\"");
    }
    return value;
  }

  private long number(String name, long fallback, long least) {
    return parsed(name, fallback, "a whole number of at least " + least, text -> {
      long value = Long.parseLong(text);
      return value >= least && value <= Integer.MAX_VALUE * 1_000L ? value : null;
    });
  }

  private BigDecimal decimal(String name, BigDecimal fallback) {
    Pattern pattern = Pattern.compile("[0-9]{1,20}(\\.[0-9]{1,18})?");
    return parsed(
        name, fallback, "a decimal", text -> pattern.matcher(text).matches() ? new BigDecimal(text) : null);
  }

  private <T> T parsed(String name, T fallback, String what, Function<String, T> parse) {
    String value = variables.getOrDefault(name, "");
    if (value.isEmpty()) {
      return fallback;
    }
    T result = null;
    try {
      result = parse.apply(value);
    } catch (NumberFormatException notANumber) {
      // said below
    }
    if (result == null) {
      problems.add(name + " must be " + what + ", not \"" + value + "\"");
    }
    return result == null ? fallback : result;
  }

  private Map<String, String> kafkaProperties() {
    Map<String, String> properties = new TreeMap<>();
    variables.forEach(
        (name, value) -> {
          if (name.startsWith(KAFKA_PREFIX)) {
            String property = name.substring(KAFKA_PREFIX.length()).toLowerCase(Locale.ROOT);
            properties.put(property.replace('_', '.'), value);
          }
        });
    return properties;
  }
}
