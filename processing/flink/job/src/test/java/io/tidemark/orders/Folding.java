package io.tidemark.orders;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Result;
import io.tidemark.stamp.Wire;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.ProcessOperator;
import org.apache.flink.streaming.api.operators.co.CoBroadcastWithKeyedOperator;
import org.apache.flink.streaming.util.KeyedBroadcastOperatorTestHarness;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;

/** The two functions of the job, joined as the job joins them, without a cluster. Processing time stands still by itself. */
final class Folding implements AutoCloseable {
  /** What a snapshot leaves. */
  record Snapshot(OperatorSubtaskState arrival, OperatorSubtaskState fold) {}

  private final OneInputStreamOperatorTestHarness<SourceRecord, Arrival> arrival;
  private final KeyedBroadcastOperatorTestHarness<String, Arrival, LostMark, Result> fold;
  private final CoBroadcastWithKeyedOperator<String, Arrival, LostMark, Result> operator;

  Folding(FoldSettings settings) throws Exception {
    this(settings, null);
  }

  Folding(FoldSettings settings, Snapshot snapshot) throws Exception {
    arrival = new OneInputStreamOperatorTestHarness<>(new ProcessOperator<>(new ArrivalFunction(settings)));
    operator = new CoBroadcastWithKeyedOperator<>(new OrdersFunction(settings), List.of(OrdersFunction.KEYLESS));
    fold =
        new KeyedBroadcastOperatorTestHarness<>(
            operator,
            Arrival::route,
            Types.STRING,
            8,
            1,
            0);
    fold.setup(Types.POJO(Result.class).createSerializer(fold.getExecutionConfig().getSerializerConfig()));
    if (snapshot != null) {
      arrival.initializeState(snapshot.arrival());
      fold.initializeState(snapshot.fold());
    }
    arrival.open();
    fold.open();
  }

  /** Source record → what comes of it at once. */
  List<JsonNode> see(SourceRecord record) throws Exception {
    arrival.processElement(record, 0);
    var marks = arrival.getSideOutput(ArrivalFunction.KEYLESS);
    for (var mark = marks == null ? null : marks.poll(); mark != null; mark = marks.poll()) {
      fold.processBroadcastElement(mark.getValue(), 0);
    }
    for (Arrival seen : arrival.extractOutputValues()) {
      fold.processElement(seen, 0);
    }
    arrival.getOutput().clear();
    return said();
  }

  List<JsonNode> see(long offset, ObjectNode event) throws Exception {
    return see(Events.record(0, offset, event));
  }

  /** A command → what comes of it at once. */
  List<JsonNode> reset(Reset command) throws Exception {
    fold.processElement(Arrival.of(command), 0);
    return said();
  }

  /** News of the source → what comes of it at once. */
  List<JsonNode> progress(long nextOffset) throws Exception {
    SourceRecord read = new SourceRecord();
    read.offset = nextOffset - 1;
    String attempt = ProgressOperator.attempt(operator.getRuntimeContext());
    fold.processElement(Progress.behind(read, attempt).to(" to 0"), 0);
    return said();
  }

  /** Flink's watermark, of all partitions together. */
  List<JsonNode> watermark(long ms) throws Exception {
    fold.watermark(ms);
    return said();
  }

  List<JsonNode> time(long ms) throws Exception {
    fold.setProcessingTime(ms);
    return said();
  }

  /** Symbols of which windows are in the state. */
  List<String> symbolsWithWindows() {
    AbstractStreamOperator<?> operator = (AbstractStreamOperator<?>) fold.getOperator();
    KeyedStateBackend<String> backend = operator.getKeyedStateBackend();
    try (Stream<String> symbols = backend.getKeys("windows", VoidNamespace.INSTANCE)) {
      return symbols.sorted().toList();
    }
  }

  Snapshot snapshot(long id) throws Exception {
    return new Snapshot(arrival.snapshot(id, 0), fold.snapshot(id, 0));
  }

  /** What was said since the last call, as fields of the message. */
  private List<JsonNode> said() {
    List<JsonNode> said = fold.extractOutputValues().stream().map(Folding::message).toList();
    fold.getOutput().clear();
    return said;
  }

  static JsonNode message(Result result) {
    ObjectNode node = (ObjectNode) Wire.json("{}");
    if (result.sourcePartition != null) {
      return node.put("kind", "progress").put("next", result.nextOffset);
    }
    node.put("kind", result.kind);
    node.put("business_key", result.businessKey);
    node.put("op", result.op);
    node.set("calculated_value", Wire.json(result.value));
    if (result.revision != null) {
      node.put("revision", result.revision.intValue());
      node.put("cause", result.cause);
      node.put("final", result.isFinal);
      node.set("evidence", Wire.json(result.evidence));
    }
    if (result.stateReset != null) {
      node.put("state_reset", result.stateReset);
    }
    return node;
  }

  /** The last message of each kind and key. */
  static Map<String, JsonNode> newest(List<JsonNode> messages) {
    Map<String, JsonNode> newest = new LinkedHashMap<>();
    messages.forEach(m -> newest.put(m.path("kind").asText() + "/" + m.path("business_key").asText(), m));
    return newest;
  }

  static List<String> kinds(List<JsonNode> messages) {
    List<String> kinds = new ArrayList<>();
    messages.forEach(m -> kinds.add(m.path("kind").asText()));
    return kinds;
  }

  @Override
  public void close() throws Exception {
    arrival.close();
    fold.close();
  }
}
