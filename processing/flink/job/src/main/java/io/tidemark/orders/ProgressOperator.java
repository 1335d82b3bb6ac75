package io.tidemark.orders;

import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Tells every subtask of the fold how far the source partitions have been read, also when nothing comes. By the way that the
 * records take, so that whoever hears it has all of its own records below: a broadcast has channels of its own, and overtakes.
 */
final class ProgressOperator extends AbstractStreamOperator<Arrival> implements OneInputStreamOperator<Arrival, Arrival> {
  private static final long serialVersionUID = 1L;
  private static final long EVERY_MS = 1_000;

  private transient Map<Integer, Progress> news;
  private transient String[] routes;
  private transient String attempt;
  private transient boolean finished;

  ProgressOperator(StreamOperatorParameters<Arrival> parameters) {
    super(parameters);
  }

  /** The attempt of the whole job: source and fold are restarted together. */
  static String attempt(RuntimeContext context) {
    return context.getJobInfo().getJobId() + "/" + context.getTaskInfo().getAttemptNumber();
  }

  /** A key for each subtask; no symbol holds a space. */
  static String[] routes(int subtasks, int maxParallelism) {
    String[] routes = new String[subtasks];
    int found = 0;
    for (int n = 0; found < subtasks; n++) {
      String key = " to " + n;
      int subtask = KeyGroupRangeAssignment.assignKeyToParallelOperator(key, maxParallelism, subtasks);
      if (routes[subtask] == null) {
        routes[subtask] = key;
        found++;
      }
    }
    return routes;
  }

  @Override
  public void open() throws Exception {
    super.open();
    news = new TreeMap<>();
    attempt = attempt(getRuntimeContext());
    TaskInfo task = getRuntimeContext().getTaskInfo();
    routes = routes(task.getNumberOfParallelSubtasks(), task.getMaxNumberOfParallelSubtasks());
    arm();
  }

  @Override
  public void processElement(StreamRecord<Arrival> element) {
    SourceRecord record = element.getValue().record;
    output.collect(element);
    news.put(record.partition, Progress.behind(record, attempt));
  }

  @Override
  public void finish() throws Exception {
    finished = true;
    super.finish();
  }

  private void arm() {
    getProcessingTimeService()
        .registerTimer(
            getProcessingTimeService().getCurrentProcessingTime() + EVERY_MS,
            due -> {
              if (finished) {
                return;
              }
              tell();
              arm();
            });
  }

  private void tell() {
    for (Progress progress : news.values()) {
      for (String route : routes) {
        output.collect(new StreamRecord<>(progress.to(route)));
      }
    }
    news.clear();
  }
}
