package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OracleTest {
  private static final int RECORDS = 1_500;
  private static final String[] PRICES = {
    "100", "105", "104.99999999", "95", "100000", "0", "0.000000005", "0.00000001", "007", "10.50",
    "99999999999999999999.999999999999999999", "33.3333333333"
  };

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void theFoldEqualsTheOracleWhereverItIsCheckpointedAndRestored(long seed) throws Exception {
    Random random = new Random(seed);
    List<String> values = new ArrayList<>();
    List<String> lines = new ArrayList<>();
    for (int n = 0; n < RECORDS; n++) {
      values.add(value(random, n));
      lines.add(Oracle.line(0, n, values.get(n)));
    }
    Map<String, JsonNode> expected = Oracle.fold(lines);
    assertTrue(expected.size() > RECORDS / 2);
    Oracle.assertAgree(expected, folded(values, random));
  }

  /** Event times stay within the lateness of each other: nothing may be dropped. */
  static String value(Random random, int n) {
    if (random.nextInt(50) == 0) {
      return random.nextBoolean() ? "{" : "{\"op\":\"c\",\"after\":{\"order_id\":\"o-1\"}}";
    }
    int order = random.nextInt(4) == 0 ? n - random.nextInt(Math.min(n + 1, 60)) : n;
    // An order keeps its symbol (wire/README.md); all else may be as it likes.
    ObjectNode event = Events.event(n, "S" + order % 6, Events.T0 + n * 300L - random.nextInt(20_000));
    event.put("order_id", "o-" + order);
    event.put("side", random.nextBoolean() ? "BUY" : "SELL");
    event.put("quantity", random.nextInt(20) == 0 ? (1L << 53) - 1 : 1 + random.nextInt(1_000));
    event.put("price", PRICES[random.nextInt(random.nextInt(4) == 0 ? PRICES.length : 4)]);
    event.put("version", random.nextInt(5));
    String op = "ccccrud".substring(random.nextInt(7)).substring(0, 1);
    event.put("op", op);
    if (random.nextInt(3) > 0) {
      return event.toString();
    }
    ObjectNode envelope = JsonNodeFactory.instance.objectNode().put("op", op);
    event.remove("op");
    envelope.set(op.equals("d") ? "before" : "after", event);
    envelope.putNull(op.equals("d") ? "after" : "before");
    return envelope.toString();
  }

  private static Map<String, JsonNode> folded(List<String> values, Random random) throws Exception {
    List<JsonNode> said = new ArrayList<>();
    Folding folding = new Folding(FoldSettings.DEFAULTS);
    for (int offset = 0; offset < values.size(); offset++) {
      if (random.nextInt(200) == 0) {
        Folding.Snapshot snapshot = folding.snapshot(offset);
        folding.close();
        folding = new Folding(FoldSettings.DEFAULTS, snapshot);
      }
      said.addAll(folding.see(Events.record(0, offset, "k", values.get(offset), Events.T0)));
      said.addAll(folding.time(offset * 100L));
    }
    said.addAll(folding.time(values.size() * 100L + 10_000));
    folding.close();
    Map<String, JsonNode> results = new TreeMap<>();
    Folding.newest(said)
        .forEach(
            (key, message) -> {
              assertTrue(!key.startsWith("_late_dropped"), key);
              if (!key.startsWith("_")) {
                results.put(key, Oracle.comparable(message));
              }
            });
    return results;
  }
}
