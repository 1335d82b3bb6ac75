package io.tidemark.stamp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;

/** What README.md tells a team to write is what compiles here. */
class ReadmeTest {
  /** What a job of somebody else's calculates. */
  record Trade(String key, String symbol, ObjectNode json, long revision, boolean closed, ObjectNode evidence) {}

  /** Such a job, after the stamp was added to it. */
  static void stamped(StreamExecutionEnvironment env, DataStream<Trade> mine, String brokers, String topic) {
    // The lines of README.md begin here.
    StampOptions options = StampOptions.of("my-pipeline", Stamp.partitionsOf(brokers, topic, Map.of()), env);
    DataStream<Result> results = mine.map(r -> Result.of("trade_sum", r.key(), r.json()).routedBy(r.symbol())
        .revision(r.revision()).cause("IN_ORDER").isFinal(r.closed()).evidence(r.evidence()));
    Stamp.attach(results, options, Stamp.sink(options, brokers, topic, "my-prefix", Map.of()));
    // They end here.
  }

  private static String plain(String lines) {
    return lines.lines().map(String::strip).filter(line -> !line.isEmpty()).collect(Collectors.joining("\n"));
  }

  private static String between(String text, String begin, String end) {
    int from = text.indexOf(begin);
    assertTrue(from >= 0, begin);
    return text.substring(from + begin.length(), text.indexOf(end, from + begin.length()));
  }

  @Test
  void theFiveLinesOfTheReadmeAreTheOnesThatCompile() throws IOException {
    String readme = Files.readString(Path.of("..", "README.md"));
    String own = Files.readString(Path.of("src/test/java/io/tidemark/stamp/ReadmeTest.java"));
    String shown = plain(between(readme.substring(readme.indexOf("## The stamp, in your job")), "```java\n", "```"));
    assertEquals(plain(between(own, "README.md begin here.\n", "// They end")), shown);
    assertTrue(shown.lines().count() <= 5, shown);
  }

  @Test
  void theDependencyThatTheReadmeNamesIsThisModule() throws IOException {
    String readme = Files.readString(Path.of("..", "README.md"));
    String shown = between(readme.substring(readme.indexOf("## The stamp, in your job")), "```xml\n", "```");
    String pom = Files.readString(Path.of("pom.xml"));
    for (String tag : new String[] {"groupId", "artifactId", "version"}) {
      String value = between(shown, "<" + tag + ">", "</" + tag + ">");
      // The module's own, or its parent's.
      assertTrue(pom.contains("<" + tag + ">" + value + "</" + tag + ">"), tag + " " + value);
    }
  }
}
