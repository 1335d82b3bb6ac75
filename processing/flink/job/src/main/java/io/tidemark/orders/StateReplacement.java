package io.tidemark.orders;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidemark.stamp.Result;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.util.Collector;

/**
 * Replaces the state of a result by the verified fold (ADR 13), and folds on what has come since. A state that has gone on for
 * longer than its events are remembered stays: its results stay in doubt, and it is asked for again when they change.
 */
final class StateReplacement {
  private final FoldSettings settings;
  private final Windows windows;
  private final MapState<String, OrderEntry> orders;
  private final RecentEvents events;

  StateReplacement(
      FoldSettings settings, Windows windows, MapState<String, OrderEntry> orders, RecentEvents events) {
    this.settings = settings;
    this.windows = windows;
    this.orders = orders;
    this.events = events;
  }

  /** @param symbol null: nothing of it has been seen */
  void replace(Reset reset, SymbolState symbol, OrdersFunction.ReadOnlyContext context, Collector<Result> out)
      throws Exception {
    List<Arrival> since = since(reset, symbol);
    if (since == null) {
      return;
    }
    if (reset.kind.equals(WindowState.KIND)) {
      window(reset, symbol, since, context, out);
    } else if (reset.kind.equals(OrderEntry.KIND)) {
      order(reset, symbol, since, out);
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

  private void window(
      Reset reset,
      SymbolState symbol,
      List<Arrival> since,
      OrdersFunction.ReadOnlyContext context,
      Collector<Result> out)
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
    boolean more = foldSince(window, counted, since);
    countIn(startMs, counted);
    for (LostMark mark : symbol == null ? List.<LostMark>of() : symbol.marks) {
      more |= mark.offset >= reset.upTo && mark.note(window, settings);
    }
    if (known == null) {
      windows.closeInTime(window, context);
    }
    windows.put(window);
    if (more) {
      // What was said of these was said from the state that is gone.
      window.dirty = true;
      windows.changed(window, context, out);
    }
  }

  /** @return whether there was any */
  private boolean foldSince(WindowState window, Set<String> counted, List<Arrival> since) {
    boolean more = false;
    for (Arrival arrival : since) {
      OrderEvent event = arrival.record.event;
      boolean own = event.creates() && settings.windowStart(event.eventTimeMs) == window.startMs;
      if (own && counted.add(event.orderId)) {
        window.fold(arrival.record, arrival.watermarkMs);
        more = true;
      }
    }
    return more;
  }

  private void countIn(long startMs, Set<String> counted) throws Exception {
    for (String id : counted) {
      OrderEntry entry = orders.get(id);
      OrderEntry order = entry == null ? new OrderEntry() : entry;
      if (!order.countedIn(startMs)) {
        order.countIn(startMs);
        orders.put(id, order);
      }
    }
  }

  /** Of an order that was never seen nothing can be wrong. */
  private void order(Reset reset, SymbolState symbol, List<Arrival> since, Collector<Result> out) throws Exception {
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
}
