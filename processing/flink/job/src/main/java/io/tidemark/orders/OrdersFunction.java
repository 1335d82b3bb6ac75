package io.tidemark.orders;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidemark.stamp.Result;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.BroadcastState;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ReadOnlyBroadcastState;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.TimeDomain;
import org.apache.flink.streaming.api.functions.co.KeyedBroadcastProcessFunction;
import org.apache.flink.util.Collector;

/**
 * The fold of contract §4 by symbol: orders, windows, anomalies. One function with one key, because a second keyBy would
 * lose the order of offsets, and because all three look at the same memory of orders: it is also what finds duplicates.
 *
 * <p>What counts as late follows from the record's own partition ({@link Arrival#watermarkMs}). Flink's watermark only says
 * when a window is closed; it may run ahead of a partition that is slow and therefore taken for idle, so a closed window
 * takes in what is in time by its own partition, and closes again.
 */
public final class OrdersFunction extends KeyedBroadcastProcessFunction<String, Arrival, LostMark, Result> {
  private static final long serialVersionUID = 1L;

  /** Source partition → its undecodable records without a key. */
  static final MapStateDescriptor<Integer, List<LostMark>> KEYLESS =
      new MapStateDescriptor<>("keyless", Types.INT, Types.LIST(Types.POJO(LostMark.class)));

  private static final MapStateDescriptor<Long, WindowState> WINDOWS =
      new MapStateDescriptor<>("windows", Types.LONG, Types.POJO(WindowState.class));

  /** So long, in event time, a closed window is kept for a partition that was taken for idle and is only slow. */
  static final long KEPT_CLOSED_MS = 3_600_000;

  /** Kept in memory by each subtask, for resets. */
  private static final int RECENT_EVENTS = 5_000;

  private final FoldSettings settings;
  private transient MapState<String, OrderEntry> orders;
  private transient MapState<Long, WindowState> windows;
  private transient ValueState<SymbolState> symbols;
  private transient MapState<Long, List<Neighbour>> recent;
  private transient long sweptAtMs;
  private transient RecentEvents events;

  public OrdersFunction(FoldSettings settings) {
    this.settings = settings;
  }

  @Override
  public void open(OpenContext context) {
    orders =
        getRuntimeContext()
            .getMapState(new MapStateDescriptor<>("orders", Types.STRING, Types.POJO(OrderEntry.class)));
    windows = getRuntimeContext().getMapState(WINDOWS);
    symbols = getRuntimeContext().getState(new ValueStateDescriptor<>("symbol", Types.POJO(SymbolState.class)));
    recent =
        getRuntimeContext()
            .getMapState(
                new MapStateDescriptor<>("recent", Types.LONG, Types.LIST(Types.POJO(Neighbour.class))));
    sweptAtMs = Long.MIN_VALUE;
    events = new RecentEvents(RECENT_EVENTS);
  }

  @Override
  public void processElement(Arrival arrival, ReadOnlyContext context, Collector<Result> out) throws Exception {
    if (arrival.reset != null) {
      reset(arrival.reset, context, out);
      return;
    }
    SourceRecord record = arrival.record;
    if (record.event == null) {
      out.collect(Controls.deadLetter(record));
      if (record.key != null && EventParser.isSymbol(record.key)) {
        lose(LostMark.of(record, arrival.watermarkMs), context, out);
      }
      return;
    }
    SymbolState symbol = seen(arrival);
    symbol.closed.removeIf(start -> passed(start, arrival.watermarkMs));
    OrderEntry known = orders.get(record.event.orderId);
    OrderEntry order = known == null ? new OrderEntry() : known;
    OrderEntry.Seen seen = order.fold(record.event);
    if (seen.newer()) {
      out.collect(order.emit(record, symbol.lostSince(order.beginsMs, record.offset, arrival)));
    }
    if (seen.created()) {
      findAnomalies(symbol, arrival, out);
    }
    if (record.event.creates()) {
      foldWindow(symbol, order, arrival, context, out);
    }
    orders.put(record.event.orderId, order);
    symbols.update(symbol);
  }

  /** The symbol's state, in which the event has been seen. */
  private SymbolState seen(Arrival arrival) throws Exception {
    SourceRecord record = arrival.record;
    SymbolState known = symbols.value();
    SymbolState symbol = known == null ? new SymbolState() : known;
    boolean followed = known == null || symbol.seenPartition == record.partition;
    events.add(arrival, followed ? symbol.seenOffset + 1 : record.offset);
    symbol.seenPartition = record.partition;
    symbol.seenOffset = record.offset;
    return symbol;
  }

  /**
   * Replaces the state of a result by the verified fold, and folds on what has come since. A state that has gone on for longer
   * than its events are remembered stays: its results stay in doubt, and it is asked for again when they change.
   */
  private void reset(Reset reset, ReadOnlyContext context, Collector<Result> out) throws Exception {
    SymbolState symbol = symbols.value();
    List<Arrival> since = since(reset, symbol);
    if (since == null) {
      return;
    }
    if (reset.kind.equals(WindowState.KIND)) {
      resetWindow(reset, symbol, since, context, out);
    } else if (reset.kind.equals(OrderEntry.KIND)) {
      resetOrder(reset, symbol, since, out);
    }
  }

  /** What the symbol's state has seen that the fold has not; null: nobody knows. */
  private List<Arrival> since(Reset reset, SymbolState symbol) {
    if (symbol == null) {
      return List.of();
    }
    if (symbol.seenPartition != reset.partition) {
      return null;
    }
    return symbol.seenOffset < reset.upTo ? List.of() : events.since(reset.symbol, reset.upTo);
  }

  private void resetWindow(
      Reset reset, SymbolState symbol, List<Arrival> since, ReadOnlyContext context, Collector<Result> out)
      throws Exception {
    JsonNode fold = reset.stateJson();
    long startMs = EventParser.timeToMs(fold.path("window_start").asText()).orElseThrow();
    long endMs = EventParser.timeToMs(fold.path("window_end").asText()).orElseThrow();
    WindowState known = windows.get(startMs);
    boolean gone = known == null && context.timerService().currentWatermark() >= endMs + settings.latenessMs() - 1;
    if (gone || endMs - startMs != settings.windowMs() || (known != null && known.closed)) {
      return;
    }
    WindowState window = known == null ? new WindowState(startMs, settings.windowMs()) : known;
    window.reset(fold, reset.partition, reset.nonce);
    Set<String> counted = new HashSet<>(Reset.texts(fold.path("orders")));
    boolean more = false;
    for (Arrival arrival : since) {
      OrderEvent event = arrival.record.event;
      boolean own = event.creates() && settings.windowStart(event.eventTimeMs) == startMs;
      if (own && counted.add(event.orderId)) {
        window.fold(arrival.record, arrival.watermarkMs);
        more = true;
      }
    }
    for (String id : counted) {
      OrderEntry entry = orders.get(id);
      OrderEntry order = entry == null ? new OrderEntry() : entry;
      if (!order.countedIn(startMs)) {
        order.countIn(startMs);
        orders.put(id, order);
      }
    }
    for (LostMark mark : symbol == null ? List.<LostMark>of() : symbol.marks) {
      more |= mark.offset >= reset.upTo && mark.note(window, settings);
    }
    if (known == null) {
      context.timerService().registerEventTimeTimer(closesAt(window));
    }
    windows.put(startMs, window);
    if (more) {
      // What was said of these was said from the state that is gone.
      window.dirty = true;
      changed(window, context, out);
    }
  }

  /** Of an order that was never seen nothing can be wrong. */
  private void resetOrder(Reset reset, SymbolState symbol, List<Arrival> since, Collector<Result> out) throws Exception {
    OrderEntry order = orders.get(reset.businessKey);
    if (order == null || order.revision == 0) {
      return;
    }
    order.reset(reset.stateJson(), reset.nonce);
    for (Arrival arrival : since) {
      boolean own = arrival.record.event.orderId.equals(reset.businessKey);
      if (own && order.fold(arrival.record.event).newer()) {
        out.collect(order.emit(arrival.record, symbol.lostSince(order.beginsMs, arrival.record.offset, arrival)));
      }
    }
    orders.put(reset.businessKey, order);
  }

  /** A new order, in offset order, each order once. */
  private void findAnomalies(SymbolState symbol, Arrival arrival, Collector<Result> out) throws Exception {
    OrderEvent event = arrival.record.event;
    Neighbour order = Neighbour.of(arrival.record);
    List<Anomaly> found = Anomaly.find(symbol, event, order, settings);
    boolean timed = arrival.watermarkMs != Arrival.NONE;
    long floorMs = timed ? arrival.watermarkMs - settings.latenessMs() : Long.MIN_VALUE;
    // Older than what is remembered of its symbol: it can't be decided whether it is one of RAPID_ORDERS.
    boolean tooLate = timed && event.eventTimeMs < floorMs && symbol.orders >= settings.rapidOrders();
    if (!tooLate) {
      long fromMs = Math.max(0, event.eventTimeMs - settings.rapidWindowMs());
      Anomaly rapid = Anomaly.rapid(between(fromMs, event.eventTimeMs), event, order, fromMs, settings);
      if (rapid != null) {
        found.add(rapid);
      }
    }
    for (Anomaly anomaly : found) {
      out.collect(anomaly.emit(symbol.lostSince(anomaly.beginsMs(), anomaly.firstOffset(), arrival)));
    }
    if (tooLate) {
      String key = Anomaly.key(Anomaly.RAPID_ORDERS, event.orderId);
      out.collect(Controls.lateDropped(Anomaly.KIND, key, arrival.record, arrival.watermarkMs));
    }
    remember(symbol, order, new BigDecimal(event.price), timed ? floorMs - settings.rapidWindowMs() : null);
  }

  private List<Neighbour> between(long fromMs, long toMs) throws Exception {
    List<Neighbour> found = new ArrayList<>();
    long bucketMs = settings.bucketMs();
    for (long bucket = fromMs / bucketMs; bucket <= toMs / bucketMs; bucket++) {
      List<Neighbour> orderList = recent.get(bucket);
      if (orderList != null) {
        orderList.stream().filter(o -> o.timeMs >= fromMs && o.timeMs <= toMs).forEach(found::add);
      }
    }
    return found;
  }

  /** @param forgetBeforeMs no rule reaches back beyond it; null: unknown */
  private void remember(SymbolState symbol, Neighbour order, BigDecimal price, Long forgetBeforeMs)
      throws Exception {
    symbol.last = order;
    symbol.lastPrice = price;
    symbol.orders++;
    long bucket = order.timeMs / settings.bucketMs();
    long floor = forgetBeforeMs == null ? 0 : Math.max(0, forgetBeforeMs) / settings.bucketMs();
    if (bucket >= floor) {
      List<Neighbour> orderList = recent.get(bucket);
      List<Neighbour> longer = orderList == null ? new ArrayList<>(1) : new ArrayList<>(orderList);
      longer.add(order);
      recent.put(bucket, longer);
      symbol.lowestBucket = Math.min(symbol.lowestBucket, bucket);
    }
    if (symbol.lowestBucket < floor) {
      forget(floor);
      symbol.lowestBucket = floor;
    }
  }

  private void forget(long floor) throws Exception {
    List<Long> old = new ArrayList<>();
    recent.keys().forEach(bucket -> {
      if (bucket < floor) {
        old.add(bucket);
      }
    });
    for (Long bucket : old) {
      recent.remove(bucket);
    }
  }

  /** A create or read. Updates and deletes do not change a window. */
  private void foldWindow(
      SymbolState symbol, OrderEntry order, Arrival arrival, ReadOnlyContext context, Collector<Result> out)
      throws Exception {
    SourceRecord record = arrival.record;
    long startMs = settings.windowStart(record.event.eventTimeMs);
    boolean duplicate = order.countedIn(startMs);
    boolean closed = symbol.closed.contains(startMs);
    if (closed || passed(startMs, arrival.watermarkMs)) {
      // A late copy of what the window counts changes nothing.
      if (!duplicate) {
        long closedAtMs = startMs + settings.windowMs() + settings.latenessMs();
        long watermarkMs = closed ? Math.max(closedAtMs, arrival.watermarkMs) : arrival.watermarkMs;
        String key = WindowState.key(record.event.symbol, startMs);
        out.collect(Controls.lateDropped(WindowState.KIND, key, record, watermarkMs));
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
      context.timerService().registerEventTimeTimer(closesAt(window));
    }
    if (window.closed) {
      window.closed = false;
      context.timerService().registerEventTimeTimer(closesAt(window)); // with the next watermark
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
  private void lose(LostMark mark, ReadOnlyContext context, Collector<Result> out) throws Exception {
    SymbolState symbol = symbols.value() == null ? new SymbolState() : symbols.value();
    symbol.lose(mark, settings);
    symbols.update(symbol);
    for (WindowState window : open()) {
      if (mark.note(window, settings)) {
        window.dirty = true;
        changed(window, context, out);
      }
    }
  }

  /** Emits the window now, or as soon as its second is over. */
  private void changed(WindowState window, ReadOnlyContext context, Collector<Result> out) throws Exception {
    long nowMs = context.timerService().currentProcessingTime();
    if (window.due(nowMs, settings.emitIntervalMs())) {
      emit(context.getCurrentKey(), window, nowMs, context.getBroadcastState(KEYLESS), out);
    } else {
      context.timerService().registerProcessingTimeTimer(window.emittedAtMs + settings.emitIntervalMs());
    }
    windows.put(window.startMs, window);
  }

  @Override
  public void onTimer(long timestamp, OnTimerContext context, Collector<Result> out) throws Exception {
    if (context.timeDomain() == TimeDomain.EVENT_TIME) {
      close(timestamp, context, out);
      return;
    }
    for (WindowState window : open()) {
      if (window.dirty) {
        changed(window, context, out);
      }
    }
  }

  /** Windows past their lateness say their last word; some time later they leave the state. */
  private void close(long watermarkMs, OnTimerContext context, Collector<Result> out) throws Exception {
    long nowMs = context.timerService().currentProcessingTime();
    for (WindowState window : open()) {
      long nextMs = window.closed ? closesAt(window) + KEPT_CLOSED_MS : closesAt(window);
      if (nextMs > watermarkMs) {
        // Its timer is there already, unless the lateness has been configured anew since.
        context.timerService().registerEventTimeTimer(nextMs);
      } else if (window.closed) {
        forget(window);
      } else {
        window.closed = true;
        emit(context.getCurrentKey(), window, nowMs, context.getBroadcastState(KEYLESS), out);
        windows.put(window.startMs, window);
        context.timerService().registerEventTimeTimer(closesAt(window) + KEPT_CLOSED_MS);
      }
    }
  }

  private void forget(WindowState window) throws Exception {
    SymbolState symbol = symbols.value() == null ? new SymbolState() : symbols.value();
    windows.remove(window.startMs);
    symbol.closed.add(window.startMs);
    symbols.update(symbol);
  }

  /**
   * An undecodable record without a key. Its marks go into whatever its partition's windows emit next; and so that nobody
   * has to wait for that, all open windows are looked through, at most once per emit interval.
   */
  @Override
  public void processBroadcastElement(LostMark mark, Context context, Collector<Result> out) throws Exception {
    BroadcastState<Integer, List<LostMark>> keyless = context.getBroadcastState(KEYLESS);
    List<LostMark> marks = keyless.get(mark.partition);
    keyless.put(mark.partition, LostMark.with(marks == null ? List.of() : marks, mark));
    long nowMs = context.currentProcessingTime();
    if (sweptAtMs != Long.MIN_VALUE && nowMs >= sweptAtMs && nowMs - sweptAtMs < settings.emitIntervalMs()) {
      return;
    }
    sweptAtMs = nowMs;
    context.applyToKeyedState(
        WINDOWS,
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
  private List<WindowState> open() throws Exception {
    return list(windows);
  }

  private static List<WindowState> list(MapState<Long, WindowState> state) throws Exception {
    List<WindowState> all = new ArrayList<>();
    state.values().forEach(all::add);
    return all;
  }
}
