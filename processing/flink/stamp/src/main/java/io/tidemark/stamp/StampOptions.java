package io.tidemark.stamp;

import java.io.Serializable;
import java.util.Objects;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * What the stamp says of the pipeline in every message.
 *
 * @param pipeline its name, stable over all its runs
 * @param resultPartitions partitions of the result topic; their number is fixed for good
 * @param delivery what the sink really does: the sink must be built from the same value ({@link Stamp#sink})
 * @param checkpointIntervalMs milliseconds; 0: no checkpoints
 */
public record StampOptions(
    String pipeline, int resultPartitions, DeliveryGuarantee delivery, long checkpointIntervalMs)
    implements Serializable {
  private static final long MIN_HEARTBEAT_MS = 1_000;

  public StampOptions {
    Objects.requireNonNull(pipeline);
    Objects.requireNonNull(delivery);
    if (resultPartitions < 1) {
      throw new IllegalArgumentException("a result topic has at least one partition, not " + resultPartitions);
    }
  }

  /** Takes delivery and interval from the environment's checkpoint settings, so that the stamp can't say otherwise. */
  public static StampOptions of(String pipeline, int resultPartitions, StreamExecutionEnvironment env) {
    if (!env.getCheckpointConfig().isCheckpointingEnabled()) {
      return new StampOptions(pipeline, resultPartitions, DeliveryGuarantee.AT_LEAST_ONCE, 0);
    }
    boolean once = env.getCheckpointConfig().getCheckpointingConsistencyMode() == CheckpointingMode.EXACTLY_ONCE;
    return new StampOptions(
        pipeline,
        resultPartitions,
        once ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE,
        env.getCheckpointConfig().getCheckpointInterval());
  }

  /** Every subtask says this often, into every result partition, that it is there. */
  public long heartbeatMs() {
    return Math.max(MIN_HEARTBEAT_MS, checkpointIntervalMs);
  }

  /** The word of the wire. */
  String deliveryWord() {
    return switch (delivery) {
      case EXACTLY_ONCE -> "EXACTLY_ONCE";
      case AT_LEAST_ONCE -> "AT_LEAST_ONCE";
      case NONE -> "AT_MOST_ONCE";
    };
  }
}
