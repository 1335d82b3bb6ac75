package io.tidemark.orders;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Says of each record what its source partition knew when it arrived. Chained to the source, where a partition's records
 * still come in offset order: behind it, Flink's watermark is that of all partitions together and differs from run to run.
 */
public final class ArrivalFunction extends ProcessFunction<SourceRecord, Arrival> implements CheckpointedFunction {
  private static final long serialVersionUID = 1L;

  /** Undecodable records without a key: any open window of their partition could lack them. */
  static final OutputTag<LostMark> KEYLESS = new OutputTag<>("keyless", Types.POJO(LostMark.class));

  /** What is known of one source partition. Flink state: fields may be added, not renamed. */
  public static final class Known {
    public int partition;
    public long maxEventTimeMs = Arrival.NONE;
    public long keylessOffset = -1;
    public long keylessUntilMs;

    /** For Flink's serializer. */
    public Known() {}

    private void take(Known other) {
      maxEventTimeMs = Math.max(maxEventTimeMs, other.maxEventTimeMs);
      keylessOffset = Math.max(keylessOffset, other.keylessOffset);
      keylessUntilMs = Math.max(keylessUntilMs, other.keylessUntilMs);
    }
  }

  private final FoldSettings settings;
  private transient Map<Integer, Known> partitions;
  private transient ListState<Known> state;

  public ArrivalFunction(FoldSettings settings) {
    this.settings = settings;
  }

  @Override
  public void processElement(SourceRecord record, Context context, Collector<Arrival> out) {
    Known known = known(record.partition);
    Arrival arrival = new Arrival();
    arrival.record = record;
    arrival.watermarkMs =
        known.maxEventTimeMs == Arrival.NONE ? Arrival.NONE : known.maxEventTimeMs - settings.watermarkDelayMs();
    arrival.keylessOffset = known.keylessOffset;
    arrival.keylessUntilMs = known.keylessUntilMs;
    if (record.event != null) {
      known.maxEventTimeMs = Math.max(known.maxEventTimeMs, record.event.eventTimeMs);
    } else if (record.key == null) {
      known.keylessOffset = record.offset;
      known.keylessUntilMs = Math.max(known.keylessUntilMs, record.appendTimeMs + settings.poisonSkewMs());
      context.output(KEYLESS, LostMark.of(record, arrival.watermarkMs));
    }
    out.collect(arrival);
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) throws Exception {
    state.update(partitions.values().stream().toList());
  }

  /**
   * Partitions may be given to other subtasks, so each gets what all knew. What one keeps of a partition that it no longer
   * reads is old, hence smaller, and never wins over the reader's own.
   */
  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    partitions = new HashMap<>();
    state =
        context
            .getOperatorStateStore()
            .getUnionListState(new ListStateDescriptor<>("partitions", Types.POJO(Known.class)));
    for (Known known : state.get()) {
      known(known.partition).take(known);
    }
  }

  private Known known(int partition) {
    return partitions.computeIfAbsent(
        partition,
        number -> {
          Known fresh = new Known();
          fresh.partition = number;
          return fresh;
        });
  }
}
