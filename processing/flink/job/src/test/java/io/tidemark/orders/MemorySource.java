package io.tidemark.orders;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource.NumberSequenceSplit;
import org.apache.flink.api.connector.source.util.ratelimit.GatedRateLimiter;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiter;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;

/** A source topic in memory: two partitions, each a split of its own, a few records per checkpoint. */
final class MemorySource {
  static final int PER_PARTITION = 700;
  private static final int PER_CHECKPOINT = 100;
  private static final List<List<String>> VALUES = List.of(values(11, "P"), values(12, "Q"));

  private MemorySource() {}

  /**
   * @param failAt offset at which one of the partitions throws, once; -1: none
   * @param stopAfter records that each reader may emit before it waits for good
   */
  static Source<SourceRecord, ?, ?> of(int failAt, int stopAfter) {
    AtomicFailure failure = new AtomicFailure(failAt);
    GeneratorFunction<Long, SourceRecord> generate =
        index -> {
          int partition = (int) (index / PER_PARTITION);
          int offset = (int) (index % PER_PARTITION);
          failure.at(offset);
          String key = offset % 7 == 0 ? null : "k";
          return Events.record(partition, offset, key, VALUES.get(partition).get(offset), Events.T0);
        };
    RateLimiterStrategy<NumberSequenceSplit> pace =
        parallelism -> new Pace(new GatedRateLimiter<>(PER_CHECKPOINT / parallelism), stopAfter);
    return new DataGeneratorSource<>(generate, 2L * PER_PARTITION, pace, Types.POJO(SourceRecord.class));
  }

  /** One command, for a window that no event belongs to, in a partition without undecodable records that could. */
  static Source<Reset, ?, ?> resets() {
    GeneratorFunction<Long, Reset> generate =
        index -> {
          Reset reset = ResetTest.window("R", 1, 1, 2);
          reset.partition = VALUES.size();
          return reset;
        };
    return new DataGeneratorSource<>(generate, 1, Types.POJO(Reset.class));
  }

  static List<String> oracleLines() {
    List<String> lines = new ArrayList<>();
    for (int partition = 0; partition < VALUES.size(); partition++) {
      for (int offset = 0; offset < PER_PARTITION; offset++) {
        lines.add(Oracle.line(partition, offset, VALUES.get(partition).get(offset)));
      }
    }
    return lines;
  }

  /** As of OracleTest, one second apart, with symbols and orders of the partition's own. */
  private static List<String> values(long seed, String prefix) {
    Random random = new Random(seed);
    List<String> values = new ArrayList<>();
    for (int n = 0; n < PER_PARTITION; n++) {
      String value = OracleTest.value(random, n);
      values.add(value.replace("\"S", "\"" + prefix).replace("\"o-", "\"" + prefix + "-"));
    }
    return values;
  }

  /** Fails once per JVM; static, because each attempt gets a copy of the function. */
  private record AtomicFailure(int at) implements java.io.Serializable {
    private static final AtomicBoolean DONE = new AtomicBoolean();

    void at(int offset) {
      if (offset == at && !DONE.getAndSet(true)) {
        throw new IllegalStateException("a failure on purpose");
      }
    }
  }

  private static final class Pace implements RateLimiter<NumberSequenceSplit> {
    private final RateLimiter<NumberSequenceSplit> inner;
    private final int stopAfter;
    private int emitted;

    Pace(RateLimiter<NumberSequenceSplit> inner, int stopAfter) {
      this.inner = inner;
      this.stopAfter = stopAfter;
    }

    @Override
    public CompletionStage<Void> acquire(int count) {
      emitted += count;
      return emitted > stopAfter ? new CompletableFuture<>() : inner.acquire(count);
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) {
      inner.notifyCheckpointComplete(checkpointId);
    }
  }
}
