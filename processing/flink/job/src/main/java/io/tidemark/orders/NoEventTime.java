package io.tidemark.orders;

import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;

/**
 * Of commands, which have no event time: always idle. A source that only says nothing would hold all windows open, and one that is
 * at the end of time would close them all as soon as every other is idle.
 */
final class NoEventTime<T> implements WatermarkGenerator<T> {
  static <T> WatermarkStrategy<T> strategy() {
    return WatermarkStrategy.forGenerator(context -> new NoEventTime<>());
  }

  @Override
  public void onEvent(T event, long timestamp, WatermarkOutput output) {
    // nothing follows from it
  }

  @Override
  public void onPeriodicEmit(WatermarkOutput output) {
    output.markIdle();
  }
}
