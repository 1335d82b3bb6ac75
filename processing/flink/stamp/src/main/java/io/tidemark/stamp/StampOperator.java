package io.tidemark.stamp;

import java.util.List;
import java.util.OptionalLong;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.CollectionUtil;

/** Joins a {@link Run} to Flink: timers for heartbeats, union state, news of checkpoints. Chained to the sink. */
final class StampOperator extends AbstractStreamOperator<Stamped> implements OneInputStreamOperator<Result, Stamped> {
  private static final long serialVersionUID = 1L;
  private static final String STATE = "stamp";

  private final StampOptions options;
  private transient Run run;
  private transient ListState<StampState> state;
  private transient boolean finished;

  StampOperator(StreamOperatorParameters<Stamped> parameters, StampOptions options) {
    super(parameters);
    this.options = options;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    state =
        context
            .getOperatorStateStore()
            .getUnionListState(new ListStateDescriptor<>(STATE, Types.POJO(StampState.class)));
    OptionalLong restored = context.getRestoredCheckpointId();
    List<StampState> parents =
        context.isRestored() ? List.copyOf(CollectionUtil.iterableToList(state.get())) : List.of();
    String job = getRuntimeContext().getJobInfo().getJobId().toHexString();
    int attempt = getRuntimeContext().getTaskInfo().getAttemptNumber();
    int subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
    int subtasks = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
    run = new Run(options, job + "/" + attempt, subtask, subtasks, restored, parents);
  }

  @Override
  public void open() throws Exception {
    super.open();
    // Not at once: the first heartbeat introduces the run in every partition, also if no result ever comes.
    armHeartbeat(now());
  }

  @Override
  public void processElement(StreamRecord<Result> element) {
    Result result = element.getValue();
    if (result.sourcePartition != null) {
      run.reached(result.sourcePartition, result.nextOffset, result.appendTimeMs);
    } else {
      emit(run.stamp(result, now()));
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    state.update(List.of(run.snapshot(context.getCheckpointId(), context.getCheckpointTimestamp())));
  }

  @Override
  public void notifyCheckpointComplete(long checkpointId) throws Exception {
    super.notifyCheckpointComplete(checkpointId);
    run.complete(checkpointId);
  }

  @Override
  public void notifyCheckpointAborted(long checkpointId) throws Exception {
    super.notifyCheckpointAborted(checkpointId);
    run.abort(checkpointId);
  }

  /** All input has been seen, or the job is drained. A stop with a savepoint does not come here: it can go on. */
  @Override
  public void finish() throws Exception {
    emit(run.heartbeat("STOPPING", now()));
    finished = true;
    super.finish();
  }

  private void armHeartbeat(long atMs) {
    getProcessingTimeService()
        .registerTimer(
            atMs,
            due -> {
              if (finished) {
                return;
              }
              emit(run.heartbeat("RUNNING", now()));
              armHeartbeat(now() + options.heartbeatMs());
            });
  }

  private void emit(List<Stamped> records) {
    for (Stamped record : records) {
      output.collect(new StreamRecord<>(record));
    }
  }

  private long now() {
    return getProcessingTimeService().getCurrentProcessingTime();
  }
}
