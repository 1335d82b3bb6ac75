package io.tidemark.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.runtime.operators.testutils.MockEnvironmentBuilder;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How the fold is told how far the source has been read: everybody, in line with the records, again only when there is news. */
class ProgressTest {
  private static final int MAX_PARALLELISM = 128;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 128})
  void thereIsARouteToEverySubtask(int subtasks) {
    Set<Integer> reached = new TreeSet<>();
    for (String route : ProgressOperator.routes(subtasks, MAX_PARALLELISM)) {
      reached.add(KeyGroupRangeAssignment.assignKeyToParallelOperator(route, MAX_PARALLELISM, subtasks));
    }
    assertEquals(subtasks, reached.size());
  }

  @Test
  void everySubtaskIsToldBehindTheRecordsAlsoWhenNothingMoreComesAndOnce() throws Exception {
    try (var harness = source()) {
      harness.setProcessingTime(0);
      harness.open();
      harness.processElement(record(0, 4), 0);
      harness.processElement(record(1, 9), 0);
      harness.processElement(record(0, 5), 0);
      assertEquals(List.of("0@4", "1@9", "0@5"), said(harness));
      harness.setProcessingTime(1_000);
      assertEquals(List.of("0<6", "0<6", "1<10", "1<10"), said(harness));
      harness.setProcessingTime(2_000);
      assertEquals(List.of(), said(harness));
      harness.processElement(record(1, 10), 0);
      harness.setProcessingTime(3_000);
      assertEquals(List.of("1@10", "1<11", "1<11"), said(harness));
    }
  }

  private static OneInputStreamOperatorTestHarness<Arrival, Arrival> source() throws Exception {
    var environment = new MockEnvironmentBuilder().setParallelism(2).setMaxParallelism(MAX_PARALLELISM).build();
    return new OneInputStreamOperatorTestHarness<>(new ProgressOperatorFactory(), environment);
  }

  private static Arrival record(int partition, long offset) {
    Arrival arrival = new Arrival();
    arrival.record = new SourceRecord();
    arrival.record.partition = partition;
    arrival.record.offset = offset;
    return arrival;
  }

  private static List<String> said(OneInputStreamOperatorTestHarness<Arrival, Arrival> harness) {
    List<String> said = new ArrayList<>();
    for (Arrival arrival : harness.extractOutputValues()) {
      Progress progress = arrival.progress;
      said.add(
          progress == null
              ? arrival.record.partition + "@" + arrival.record.offset
              : progress.partition + "<" + progress.nextOffset);
    }
    harness.getOutput().clear();
    return said;
  }
}
