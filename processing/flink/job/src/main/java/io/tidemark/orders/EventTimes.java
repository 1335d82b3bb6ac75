package io.tidemark.orders;

import java.io.Serializable;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;

/** Flink's watermark: per source partition the newest event minus the delay. An undecodable record moves nothing. */
final class EventTimes implements WatermarkGenerator<SourceRecord>, Serializable {
  private static final long serialVersionUID = 1L;

  private final long delayMs;
  private long maxEventTimeMs = Long.MIN_VALUE;

  private EventTimes(long delayMs) {
    this.delayMs = delayMs;
  }

  static WatermarkStrategy<SourceRecord> strategy(FoldSettings settings) {
    long delayMs = settings.watermarkDelayMs();
    return WatermarkStrategy.<SourceRecord>forGenerator(context -> new EventTimes(delayMs))
        .withTimestampAssigner((record, kafka) -> record.event == null ? kafka : record.event.eventTimeMs)
        .withIdleness(Duration.ofMillis(settings.idleMs()));
  }

  @Override
  public void onEvent(SourceRecord record, long timestamp, WatermarkOutput output) {
    if (record.event != null) {
      maxEventTimeMs = Math.max(maxEventTimeMs, record.event.eventTimeMs);
    }
  }

  @Override
  public void onPeriodicEmit(WatermarkOutput output) {
    if (maxEventTimeMs != Long.MIN_VALUE) {
      output.emitWatermark(new Watermark(maxEventTimeMs - delayMs - 1));
    }
  }
}
