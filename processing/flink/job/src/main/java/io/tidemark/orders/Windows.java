package io.tidemark.orders;

import io.tidemark.stamp.Result;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.BroadcastState;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ReadOnlyBroadcastState;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.util.Collector;

/**
 * The windows of a symbol, from their first event until they are forgotten.
 *
 * <p>What counts as late follows from the record's own partition ({@link Arrival#watermarkMs}). Flink's watermark only says
 * when a window is closed; it may run ahead of a partition that is slow and therefore taken for idle, however far. So a closed
 * window is kept until its own partition has passed it, takes in what comes until then, and closes again.
 */
final class Windows {
  private static final MapStateDescriptor<Long, WindowState> STATE =
      new MapStateDescriptor<>("windows", Types.LONG, Types.POJO(WindowState.class));

  private final FoldSettings settings;
  private final MapState<Long, WindowState> windows;
  private long sweptAtMs = Long.MIN_VALUE;

  Windows(FoldSettings settings, RuntimeContext context) {
    this.settings = settings;
    this.windows = context.getMapState(STATE);
  }

  /** A create or read. Updates and deletes do not change a window. */
  void fold(
      SymbolState symbol,
      OrderEntry order,
      Arrival arrival,
      OrdersFunction.ReadOnlyContext context,
      Collector<Result> out)
      throws Exception {
    SourceRecord record = arrival.record;
    long startMs = settings.windowStart(record.event.eventTimeMs);
    boolean duplicate = order.countedIn(startMs);
    if (passed(startMs, arrival.watermarkMs)) {
      // A late copy of what the window counts changes nothing.
      if (!duplicate) {
        String key = WindowState.key(record.event.symbol, startMs);
        out.collect(Controls.lateDropped(WindowState.KIND, key, record, arrival.watermarkMs));
      }
      return;
    }
    WindowState window = windows.get(startMs);
    if (duplicate) {
      if (window != null) {
        window.duplicates++; // said with the next emission
        windows.put(startMs, window);
      }
      return;
    }
    boolean opens = window == null;
    if (opens) {
      window = new WindowState(startMs, settings.windowMs());
      closeInTime(window, context);
    }
    if (window.closed) {
      window.closed = false;
      symbol.closed.remove(Long.valueOf(startMs));
      closeInTime(window, context); // with the next watermark
    }
    window.fold(record, arrival.watermarkMs);
    order.countIn(startMs);
    if (opens) {
      for (LostMark mark : symbol.marks) {
        mark.note(window, settings);
      }
    }
    changed(window, context, out);
  }

  /** An undecodable record with this key: every window that it could belong to says so in its next record. */
  void lose(LostMark mark, OrdersFunction.ReadOnlyContext context, Collector<Result> out) throws Exception {
    for (WindowState window : all()) {
      if (mark.note(window, settings)) {
        window.dirty = true;
        changed(window, context, out);
      }
    }
  }

  /** Null: there is none, or it has been forgotten. */
  WindowState get(long startMs) throws Exception {
    return windows.get(startMs);
  }

  void put(WindowState window) throws Exception {
    windows.put(window.startMs, window);
  }

  /** Emits the window now, or as soon as its second is over. */
  void changed(WindowState window, OrdersFunction.ReadOnlyContext context, Collector<Result> out) throws Exception {
    long nowMs = context.timerService().currentProcessingTime();
    if (window.due(nowMs, settings.emitIntervalMs())) {
      emit(context.getCurrentKey(), window, nowMs, context.getBroadcastState(OrdersFunction.KEYLESS), out);
    } else {
      context.timerService().registerProcessingTimeTimer(window.emittedAtMs + settings.emitIntervalMs());
    }
    windows.put(window.startMs, window);
  }

  /** Emits what has changed and whose second is over. */
  void emitDue(OrdersFunction.ReadOnlyContext context, Collector<Result> out) throws Exception {
    for (WindowState window : all()) {
      if (window.dirty) {
        changed(window, context, out);
      }
    }
  }

  void closeInTime(WindowState window, OrdersFunction.ReadOnlyContext context) {
    context.timerService().registerEventTimeTimer(closesAt(window));
  }

  /** Windows past their lateness say their last word, unless something comes after all. */
  void close(SymbolState symbol, long watermarkMs, OrdersFunction.OnTimerContext context, Collector<Result> out)
      throws Exception {
    long nowMs = context.timerService().currentProcessingTime();
    for (WindowState window : all()) {
      if (!window.closed && closesAt(window) > watermarkMs) {
        // Its timer is there already, unless the lateness has been configured anew since.
        closeInTime(window, context);
        continue;
      }
      if (!window.closed) {
        window.closed = true;
        emit(context.getCurrentKey(), window, nowMs, context.getBroadcastState(OrdersFunction.KEYLESS), out);
        windows.put(window.startMs, window);
      }
      if (!symbol.closed.contains(window.startMs)) {
        symbol.closed.add(window.startMs);
      }
    }
  }

  /** Closed windows leave the state once nothing in time can come: their own partition has passed them. */
  void forgetPassed(SymbolState symbol, long watermarkMs) throws Exception {
    for (Iterator<Long> starts = symbol.closed.iterator(); starts.hasNext(); ) {
      Long startMs = starts.next();
      if (passed(startMs, watermarkMs)) {
        windows.remove(startMs);
        starts.remove();
      }
    }
  }

  /**
   * An undecodable record without a key. Its marks go into whatever its partition's windows emit next; and so that nobody
   * has to wait for that, all open windows are looked through, at most once per emit interval.
   */
  void loseKeyless(LostMark mark, OrdersFunction.Context context, Collector<Result> out) throws Exception {
    BroadcastState<Integer, List<LostMark>> keyless = context.getBroadcastState(OrdersFunction.KEYLESS);
    List<LostMark> marks = keyless.get(mark.partition);
    keyless.put(mark.partition, LostMark.with(marks == null ? List.of() : marks, mark));
    long nowMs = context.currentProcessingTime();
    if (sweptAtMs != Long.MIN_VALUE && nowMs >= sweptAtMs && nowMs - sweptAtMs < settings.emitIntervalMs()) {
      return;
    }
    sweptAtMs = nowMs;
    context.applyToKeyedState(
        STATE,
        (symbol, state) -> {
          for (WindowState window : list(state)) {
            if (noteKeyless(window, keyless)) {
              emit(symbol, window, nowMs, keyless, out);
              state.put(window.startMs, window);
            }
          }
        });
  }

  private void emit(
      String symbol,
      WindowState window,
      long nowMs,
      ReadOnlyBroadcastState<Integer, List<LostMark>> keyless,
      Collector<Result> out)
      throws Exception {
    noteKeyless(window, keyless);
    out.collect(window.emit(symbol, nowMs));
  }

  private boolean noteKeyless(WindowState window, ReadOnlyBroadcastState<Integer, List<LostMark>> keyless)
      throws Exception {
    boolean noted = false;
    for (Span span : window.coverage) {
      List<LostMark> marks = keyless.get(span.partition);
      if (marks != null) {
        for (LostMark mark : marks) {
          noted |= mark.note(window, settings);
        }
      }
    }
    return noted;
  }

  /** Flink's watermark is one millisecond behind: it says that nothing more comes up to and including itself. */
  private long closesAt(WindowState window) {
    return window.endMs + settings.latenessMs() - 1;
  }

  private boolean passed(long windowStartMs, long watermarkMs) {
    return watermarkMs != Arrival.NONE
        && windowStartMs + settings.windowMs() + settings.latenessMs() <= watermarkMs;
  }

  /** A copy, so that the state may be changed meanwhile. */
  private List<WindowState> all() throws Exception {
    return list(windows);
  }

  private static List<WindowState> list(MapState<Long, WindowState> state) throws Exception {
    List<WindowState> all = new ArrayList<>();
    state.values().forEach(all::add);
    return all;
  }
}
