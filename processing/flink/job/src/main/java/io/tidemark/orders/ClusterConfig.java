package io.tidemark.orders;

import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.core.execution.CheckpointingMode;

/** {@link Settings} in Flink's words: checkpoints, state, restarts. What a variable does not say is left to the cluster. */
final class ClusterConfig {
  private ClusterConfig() {}

  static Configuration of(Settings settings) {
    Configuration config = new Configuration();
    checkpoints(settings, config);
    restarts(settings, config);
    config.set(StateBackendOptions.STATE_BACKEND, settings.stateBackend);
    config.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, settings.stateBackend.equals("rocksdb"));
    return config;
  }

  private static void checkpoints(Settings settings, Configuration config) {
    config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, ms(settings.checkpointIntervalMs));
    config.set(CheckpointingOptions.CHECKPOINTING_TIMEOUT, ms(settings.checkpointTimeoutMs));
    config.set(CheckpointingOptions.MIN_PAUSE_BETWEEN_CHECKPOINTS, ms(settings.minPauseMs));
    config.set(CheckpointingOptions.MAX_CONCURRENT_CHECKPOINTS, settings.maxConcurrentCheckpoints);
    config.set(CheckpointingOptions.TOLERABLE_FAILURE_NUMBER, settings.tolerableFailures);
    config.set(
        CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.valueOf(settings.checkpointMode));
    config.set(CheckpointingOptions.ENABLE_UNALIGNED, settings.unaligned);
    config.set(
        CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
        ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    if (!settings.checkpointStorage.isEmpty()) {
      config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, settings.checkpointStorage);
    }
  }

  private static void restarts(Settings settings, Configuration config) {
    config.set(RestartStrategyOptions.RESTART_STRATEGY, settings.restartStrategy);
    switch (settings.restartStrategy) {
      case "fixed-delay" -> {
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, settings.restartAttempts);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, ms(settings.restartDelayMs));
      }
      case "failure-rate" -> {
        config.set(
            RestartStrategyOptions.RESTART_STRATEGY_FAILURE_RATE_MAX_FAILURES_PER_INTERVAL,
            settings.failureRateMaxFailures);
        config.set(
            RestartStrategyOptions.RESTART_STRATEGY_FAILURE_RATE_FAILURE_RATE_INTERVAL,
            ms(settings.failureRateIntervalMs));
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FAILURE_RATE_DELAY, ms(settings.failureRateDelayMs));
      }
      default -> {
        // Flink's own defaults for exponential-delay; nothing to say for none.
      }
    }
  }

  private static Duration ms(long milliseconds) {
    return Duration.ofMillis(milliseconds);
  }
}
