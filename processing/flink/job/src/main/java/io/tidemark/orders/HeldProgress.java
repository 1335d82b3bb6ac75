package io.tidemark.orders;

import io.tidemark.stamp.Result;
import java.util.ArrayDeque;
import org.apache.flink.streaming.api.TimerService;
import org.apache.flink.util.Collector;

/**
 * What a subtask was told of its source partitions, until all that it makes of the records below has been emitted: a window
 * that has emitted a moment ago emits again when its interval is over. In memory only: a restored subtask is told anew.
 */
final class HeldProgress {
  private record Held(long dueMs, Progress progress) {}

  private final String attempt;
  private final ArrayDeque<Held> held = new ArrayDeque<>();

  /**
   * @param attempt of the job. What another one has sent, and an unaligned checkpoint has kept, may come before records below it
   *     that were kept for another subtask.
   */
  HeldProgress(String attempt) {
    this.attempt = attempt;
  }

  void hold(Progress progress, long emitIntervalMs, TimerService timers) {
    if (!progress.attempt.equals(attempt)) {
      return;
    }
    // Timers fire in the order of their times: behind those of all windows that wait now.
    long dueMs = timers.currentProcessingTime() + emitIntervalMs + 1;
    held.addLast(new Held(dueMs, progress));
    timers.registerProcessingTimeTimer(dueMs);
  }

  void release(long dueMs, Collector<Result> out) {
    while (!held.isEmpty() && held.peekFirst().dueMs() <= dueMs) {
      Progress progress = held.removeFirst().progress();
      out.collect(Result.progress(progress.partition, progress.nextOffset, progress.appendTimeMs));
    }
  }
}
