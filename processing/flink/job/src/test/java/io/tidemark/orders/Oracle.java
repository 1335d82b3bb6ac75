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
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** test/oracle/fold.py, plain Python, shares no code with this: where both agree, both are right. */
final class Oracle {
  private Oracle() {}

  /** A source record as the oracle reads it. */
  static String line(int partition, long offset, String value) {
    ObjectNode line = JsonNodeFactory.instance.objectNode().put("partition", partition).put("offset", offset);
    return line.put("key", "k").put("value", value).toString();
  }

  /** Results by {@code kind/key}, in the form of {@link #comparable}. */
  static Map<String, JsonNode> fold(List<String> lines) throws Exception {
    Path script = Path.of(System.getProperty("wire")).resolve("../test/oracle/fold.py");
    Path input = Files.createTempFile("tidemark-oracle", ".jsonl");
    try {
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

  /** What the oracle knows of a result. */
  static JsonNode comparable(JsonNode message) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.set("op", message.path("op"));
    node.set("calculated_value", message.path("calculated_value"));
    ObjectNode evidence = message.path("evidence").deepCopy();
    node.set("evidence", evidence.without(List.of("duplicates_dropped", "lost", "begins")));
    return Wire.json(node.toString()); // int and long nodes alike
  }

  /** Fails with the first differences. */
  static void assertAgree(Map<String, JsonNode> expected, Map<String, JsonNode> actual) {
    Set<String> keys = new TreeSet<>(expected.keySet());
    keys.addAll(actual.keySet());
    List<String> differ =
        keys.stream()
            .filter(key -> !Objects.equals(expected.get(key), actual.get(key)))
            .map(key -> key + ": " + expected.get(key) + " but was " + actual.get(key))
            .toList();
    assertEquals(List.of(), differ.stream().limit(10).toList());
  }
}
