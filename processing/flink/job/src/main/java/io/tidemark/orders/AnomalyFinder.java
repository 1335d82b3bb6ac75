package io.tidemark.orders;

import io.tidemark.stamp.Result;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.util.Collector;

/** Finds what a new order of a symbol breaks, and remembers it for the orders after it. */
final class AnomalyFinder {
  private final FoldSettings settings;

  /** Bucket of event time → orders, by offset. */
  private final MapState<Long, List<Neighbour>> recent;

  AnomalyFinder(FoldSettings settings, RuntimeContext context) {
    this.settings = settings;
    this.recent =
        context.getMapState(
            new MapStateDescriptor<>("recent", Types.LONG, Types.LIST(Types.POJO(Neighbour.class))));
  }

  /** A new order, in offset order, each order once. */
  void find(SymbolState symbol, Arrival arrival, Collector<Result> out) throws Exception {
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
}
