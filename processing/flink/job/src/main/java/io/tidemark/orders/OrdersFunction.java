package io.tidemark.orders;

import io.tidemark.stamp.Result;
import java.util.List;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.TimeDomain;
import org.apache.flink.streaming.api.functions.co.KeyedBroadcastProcessFunction;
import org.apache.flink.util.Collector;

/**
 * The fold of contract §4 by symbol: orders, windows, anomalies. One function with one key, because a second keyBy would
 * lose the order of offsets, and because all three look at the same memory of orders: it is also what finds duplicates.
 */
public final class OrdersFunction extends KeyedBroadcastProcessFunction<String, Arrival, LostMark, Result> {
  private static final long serialVersionUID = 1L;

  /** Source partition → its undecodable records without a key. */
  static final MapStateDescriptor<Integer, List<LostMark>> KEYLESS =
      new MapStateDescriptor<>("keyless", Types.INT, Types.LIST(Types.POJO(LostMark.class)));

  /** Kept in memory by each subtask, for resets. */
  private static final int RECENT_EVENTS = 5_000;

  private final FoldSettings settings;
  private transient MapState<String, OrderEntry> orders;
  private transient ValueState<SymbolState> symbols;
  private transient Windows windows;
  private transient AnomalyFinder anomalies;
  private transient RecentEvents events;
  private transient StateReplacement replacement;
  private transient HeldProgress progress;

  public OrdersFunction(FoldSettings settings) {
    this.settings = settings;
  }

  @Override
  public void open(OpenContext context) {
    orders =
        getRuntimeContext()
            .getMapState(new MapStateDescriptor<>("orders", Types.STRING, Types.POJO(OrderEntry.class)));
    symbols = getRuntimeContext().getState(new ValueStateDescriptor<>("symbol", Types.POJO(SymbolState.class)));
    windows = new Windows(settings, getRuntimeContext());
    anomalies = new AnomalyFinder(settings, getRuntimeContext());
    events = new RecentEvents(RECENT_EVENTS);
    replacement = new StateReplacement(settings, windows, orders, events);
    progress = new HeldProgress(ProgressOperator.attempt(getRuntimeContext()));
  }

  @Override
  public void processElement(Arrival arrival, ReadOnlyContext context, Collector<Result> out) throws Exception {
    if (arrival.reset != null) {
      replacement.replace(arrival.reset, symbols.value(), context, out);
      return;
    }
    if (arrival.progress != null) {
      progress.hold(arrival.progress, settings.emitIntervalMs(), context.timerService());
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
    windows.forgetPassed(symbol, arrival.watermarkMs);
    OrderEntry known = orders.get(record.event.orderId);
    OrderEntry order = known == null ? new OrderEntry() : known;
    OrderEntry.Seen seen = order.fold(record.event);
    if (seen.newer()) {
      out.collect(order.emit(record, symbol.lostSince(order.beginsMs, record.offset, arrival)));
    }
    if (seen.created()) {
      anomalies.find(symbol, arrival, out);
    }
    if (record.event.creates()) {
      windows.fold(symbol, order, arrival, context, out);
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

  /** An undecodable record with this key. */
  private void lose(LostMark mark, ReadOnlyContext context, Collector<Result> out) throws Exception {
    SymbolState symbol = symbolOrNew();
    symbol.lose(mark, settings);
    symbols.update(symbol);
    windows.lose(mark, context, out);
  }

  @Override
  public void onTimer(long timestamp, OnTimerContext context, Collector<Result> out) throws Exception {
    if (context.timeDomain() == TimeDomain.PROCESSING_TIME) {
      progress.release(timestamp, out);
      windows.emitDue(context, out);
      return;
    }
    SymbolState symbol = symbolOrNew();
    windows.close(symbol, timestamp, context, out);
    symbols.update(symbol);
  }

  @Override
  public void processBroadcastElement(LostMark mark, Context context, Collector<Result> out) throws Exception {
    windows.loseKeyless(mark, context, out);
  }

  private SymbolState symbolOrNew() throws Exception {
    SymbolState known = symbols.value();
    return known == null ? new SymbolState() : known;
  }
}
