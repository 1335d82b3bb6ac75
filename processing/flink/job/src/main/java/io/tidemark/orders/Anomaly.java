package io.tidemark.orders;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Result;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * What a rule found in an order (contract §4). It never changes.
 *
 * @param orders the order itself and the predecessors that decided
 * @param beginsMs no order that decided, or could have decided otherwise, is older
 */
record Anomaly(
    String rule, OrderEvent event, BigDecimal observed, BigDecimal threshold, List<Neighbour> orders, long beginsMs) {
  static final String KIND = "anomaly";
  static final String RAPID_ORDERS = "RAPID_ORDERS";
  private static final BigDecimal HUNDRED = BigDecimal.valueOf(100);

  static String key(String rule, String orderId) {
    return rule + ":" + orderId;
  }

  /** The rules that look at the order and the one before it. */
  static List<Anomaly> find(SymbolState symbol, OrderEvent event, Neighbour order, FoldSettings settings) {
    List<Anomaly> found = new ArrayList<>();
    BigDecimal price = new BigDecimal(event.price);
    BigDecimal quantity = BigDecimal.valueOf(event.quantity);
    BigDecimal large = BigDecimal.valueOf(settings.largeOrderQuantity());
    if (quantity.compareTo(large) > 0) {
      found.add(new Anomaly("LARGE_ORDER", event, quantity, large, List.of(order), order.timeMs));
    }
    BigDecimal amount = price.multiply(quantity);
    if (amount.compareTo(settings.highAmount()) > 0) {
      found.add(new Anomaly("HIGH_AMOUNT", event, amount, settings.highAmount(), List.of(order), order.timeMs));
    }
    // A price of 0 has no percentage.
    if (symbol.last != null && symbol.lastPrice.signum() > 0) {
      BigDecimal change = price.subtract(symbol.lastPrice).abs().multiply(HUNDRED);
      if (change.compareTo(settings.priceSpikePercent().multiply(symbol.lastPrice)) >= 0) {
        BigDecimal percent = Decimals.divide(change, symbol.lastPrice);
        long begins = Math.min(order.timeMs, symbol.last.timeMs);
        List<Neighbour> both = List.of(symbol.last, order);
        found.add(new Anomaly("PRICE_SPIKE", event, percent, settings.priceSpikePercent(), both, begins));
      }
    }
    return found;
  }

  /** RAPID_ORDERS, from the predecessors whose event time lies in {@code [fromMs, event time]}; null: too few. */
  static Anomaly rapid(
      List<Neighbour> predecessors, OrderEvent event, Neighbour order, long fromMs, FoldSettings settings) {
    if (predecessors.size() < settings.rapidOrders()) {
      return null;
    }
    List<Neighbour> orders = new ArrayList<>(predecessors);
    orders.add(order);
    BigDecimal observed = BigDecimal.valueOf(predecessors.size());
    return new Anomaly(RAPID_ORDERS, event, observed, BigDecimal.valueOf(settings.rapidOrders()), orders, fromMs);
  }

  /** Lowest offset of the orders that decided. */
  long firstOffset() {
    return orders.stream().mapToLong(order -> order.offset).min().orElseThrow();
  }

  Result emit(List<Place> lost) {
    ObjectNode value = JsonNodeFactory.instance.objectNode();
    value.put("rule", rule);
    value.put("order_id", event.orderId);
    value.put("symbol", event.symbol);
    value.put("observed", Decimals.canonical(observed));
    value.put("threshold", Decimals.canonical(threshold));
    value.put("detected_at", event.eventTime);
    List<Span> coverage = new ArrayList<>(1);
    orders.forEach(order -> Span.cover(coverage, order.partition, order.offset));
    Evidence evidence =
        new Evidence(orders.size(), orders.stream().mapToLong(order -> order.digest).sum())
            .coverage(coverage)
            .maxEventTime(orders.stream().mapToLong(order -> order.timeMs).max().orElseThrow())
            .begins(beginsMs)
            .lost(lost);
    return Result.of(KIND, key(rule, event.orderId), value)
        .routedBy(event.symbol)
        .revision(1)
        .cause("IN_ORDER")
        .isFinal(true)
        .evidence(evidence.json());
  }
}
