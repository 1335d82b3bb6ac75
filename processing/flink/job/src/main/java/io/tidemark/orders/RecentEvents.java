package io.tidemark.orders;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The newest events of one subtask, in memory only: a verified fold is of all events below some offset, and the state that it
 * replaces has gone on since. What is older, or was seen before a restart, can't be gone on from.
 */
final class RecentEvents {
  private final int limit;
  private final Map<String, OfSymbol> symbols = new HashMap<>();
  private final ArrayDeque<String> order = new ArrayDeque<>();

  private static final class OfSymbol {
    /** Every event of the symbol from here on is held. */
    private long from;

    private final ArrayDeque<Arrival> events = new ArrayDeque<>();
  }

  RecentEvents(int limit) {
    this.limit = limit;
  }

  /** @param from no event of the symbol at this offset or behind it has come before */
  void add(Arrival arrival, long from) {
    String symbol = arrival.record.event.symbol;
    OfSymbol own = symbols.get(symbol);
    if (own == null) {
      own = new OfSymbol();
      own.from = from;
      symbols.put(symbol, own);
    }
    own.events.addLast(arrival);
    order.addLast(symbol);
    if (order.size() > limit) {
      forget(order.removeFirst());
    }
  }

  private void forget(String symbol) {
    OfSymbol own = symbols.get(symbol);
    own.from = own.events.removeFirst().record.offset + 1;
    if (own.events.isEmpty()) {
      symbols.remove(symbol);
    }
  }

  /** All events of the symbol at this offset and behind it; null: some may be forgotten. */
  List<Arrival> since(String symbol, long offset) {
    OfSymbol own = symbols.get(symbol);
    if (own == null || offset < own.from) {
      return null;
    }
    return own.events.stream().filter(arrival -> arrival.record.offset >= offset).toList();
  }
}
