package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Wire;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** test/oracle/fold.py, plain Python, shares no code with this: where both agree, both are right. */
class OracleTest {
  private static final int RECORDS = 1_500;
  private static final String[] PRICES = {
    "100", "105", "104.99999999", "95", "100000", "0", "0.000000005", "0.00000001", "007", "10.50",
    "99999999999999999999.999999999999999999", "33.3333333333"
  };

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void theFoldEqualsTheOracle(long seed) throws Exception {
    Random random = new Random(seed);
    List<String> values = new ArrayList<>();
    for (int n = 0; n < RECORDS; n++) {
      values.add(value(random, n));
    }
    Map<String, JsonNode> expected = oracle(values);
    Map<String, JsonNode> actual = folded(values, random);
    Set<String> keys = new TreeSet<>(expected.keySet());
    keys.addAll(actual.keySet());
    List<String> differ =
        keys.stream()
            .filter(key -> !Objects.equals(expected.get(key), actual.get(key)))
            .map(key -> key + ": " + expected.get(key) + " but was " + actual.get(key))
            .toList();
    assertEquals(List.of(), differ.stream().limit(10).toList());
    assertTrue(expected.size() > RECORDS / 2);
  }

  /** Event times stay within the lateness of each other: nothing may be dropped. */
  private static String value(Random random, int n) {
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
        // Nothing may depend on where a checkpoint was taken and restored.
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
                results.put(key, comparable(message));
              }
            });
    return results;
  }

  private static JsonNode comparable(JsonNode message) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.set("op", message.path("op"));
    node.set("calculated_value", message.path("calculated_value"));
    ObjectNode evidence = message.path("evidence").deepCopy();
    node.set("evidence", evidence.without(List.of("duplicates_dropped", "lost", "begins")));
    return Wire.json(node.toString()); // int and long nodes alike
  }

  private static Map<String, JsonNode> oracle(List<String> values) throws Exception {
    Path script = Path.of(System.getProperty("wire")).resolve("../test/oracle/fold.py");
    Path input = Files.createTempFile("tidemark-oracle", ".jsonl");
    try {
      List<String> lines = new ArrayList<>();
      for (int offset = 0; offset < values.size(); offset++) {
        ObjectNode line = JsonNodeFactory.instance.objectNode().put("partition", 0).put("offset", offset);
        lines.add(line.put("key", "k").put("value", values.get(offset)).toString());
      }
      Files.write(input, lines);
      Process python =
          new ProcessBuilder("python3", script.toString())
              .redirectInput(input.toFile())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      String out = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(python.waitFor(1, TimeUnit.MINUTES));
      assertEquals(0, python.exitValue());
      Map<String, JsonNode> results = new TreeMap<>();
      out.lines()
          .map(Wire::json)
          .forEach(m -> results.put(m.path("kind").asText() + "/" + m.path("business_key").asText(), comparable(m)));
      return results;
    } finally {
      Files.delete(input);
    }
  }
}
