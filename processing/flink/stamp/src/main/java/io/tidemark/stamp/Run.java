package io.tidemark.stamp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.apache.kafka.common.utils.Utils;

/**
 * One subtask of one run of the stamp: numbers, lineage, epoch, completed checkpoint (contract §5). No clock, no I/O.
 *
 * <p>A run is (job id, attempt): each restart begins at 1 again in each result partition, and says before anything else
 * which numbers its parent had reached in the checkpoint that it was restored from.
 */
final class Run {
  /** Every message carries this many of the newest steps of its lineage; the {@code _run} record carries them all. */
  static final int LINEAGE_IN_MESSAGES = 32;

  /** Restores beyond this many are forgotten, the oldest first. */
  static final int LINEAGE_KEPT = 1_000;

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);
  private static final JsonFactory JSON = new ObjectMapper().getFactory();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** A completed checkpoint. {@code timeMs}: when it was triggered, by the JobManager's clock. */
  record Completed(long id, long timeMs) {}

  /** A step of a lineage: the checkpoint that was taken by this run. */
  record Step(String run, long checkpoint) {}

  /** How far a source partition has been folded. */
  private record Reached(long nextOffset, long appendTimeMs) {}

  private final StampOptions options;
  private final String id;
  private final int subtask;
  private final int subtasks;
  private final List<Step> lineage;
  private final List<StampState> parents;
  private final OptionalLong restored;
  private final String head;
  private final String wholeHead;
  private final long[] sequences;
  private final TreeMap<Long, Long> taken = new TreeMap<>();
  private final TreeMap<Integer, Reached> sources = new TreeMap<>();
  private long epoch;
  private Completed completed;

  /**
   * @param base job id / attempt
   * @param subtasks how many the run has
   * @param restored id of the checkpoint that this run was restored from, empty for a fresh start
   * @param parents what all subtasks of the parent left in that checkpoint
   */
  Run(
      StampOptions options,
      String base,
      int subtask,
      int subtasks,
      OptionalLong restored,
      List<StampState> parents) {
    this.options = options;
    this.subtask = subtask;
    this.subtasks = subtasks;
    this.restored = restored;
    this.parents = parents.stream().sorted(Comparator.comparingInt(p -> p.subtask)).toList();
    this.lineage = lineageOf(this.parents, restored);
    this.id = distinct(base, lineage);
    this.head = head(lineage.subList(Math.max(0, lineage.size() - LINEAGE_IN_MESSAGES), lineage.size()));
    this.wholeHead = head(lineage);
    this.sequences = new long[options.resultPartitions()];
    this.epoch = restored.orElse(0) + 1;
    // A checkpoint that one can be restored from has completed.
    this.completed =
        restored.isPresent() && !parents.isEmpty()
            ? new Completed(restored.getAsLong(), this.parents.get(0).checkpointTimeMs)
            : null;
  }

  String id() {
    return id;
  }

  /** Stamps a result; the run's first record in a partition is preceded by its {@code _run} record. */
  List<Stamped> stamp(Result result, long nowMs) {
    List<Stamped> out = new ArrayList<>(2);
    int partition = partitionOf(result);
    introduce(partition, nowMs, out);
    out.add(message(partition, head, result, nowMs));
    return out;
  }

  /** A heartbeat into every result partition: it proves its own partition only. */
  List<Stamped> heartbeat(String state, long nowMs) {
    List<Stamped> out = new ArrayList<>(2 * sequences.length);
    ObjectNode payload = beat(state);
    for (int partition = 0; partition < sequences.length; partition++) {
      introduce(partition, nowMs, out);
      Result beat = Result.of("_heartbeat", id, payload);
      out.add(message(partition, head, beat, nowMs));
    }
    return out;
  }

  /** All that this subtask makes of the records below has been stamped. */
  void reached(int sourcePartition, long nextOffset, long appendTimeMs) {
    Reached now = new Reached(nextOffset, appendTimeMs);
    sources.merge(sourcePartition, now, (known, next) -> next.nextOffset() > known.nextOffset() ? next : known);
  }

  private ObjectNode beat(String state) {
    ObjectNode payload = NODES.objectNode().put("state", state);
    ObjectNode all = payload.putObject("sources");
    sources.forEach(
        (partition, own) ->
            all.putObject(String.valueOf(partition))
                .put("next_offset", own.nextOffset())
                .put("append_time", time(own.appendTimeMs())));
    return payload.put("subtasks", subtasks);
  }

  /** A snapshot has been taken: what follows belongs to a later checkpoint. */
  StampState snapshot(long checkpoint, long triggeredAtMs) {
    epoch = checkpoint + 1;
    taken.put(checkpoint, triggeredAtMs);
    StampState state = new StampState();
    state.run = id;
    state.subtask = subtask;
    state.checkpointTimeMs = triggeredAtMs;
    state.lineageRuns = lineage.stream().map(Step::run).toArray(String[]::new);
    state.lineageCheckpoints = lineage.stream().mapToLong(Step::checkpoint).toArray();
    state.partitions = new int[sequences.length];
    for (int p = 0; p < sequences.length; p++) {
      state.partitions[p] = p;
    }
    state.sequences = sequences.clone();
    return state;
  }

  /** Snapshots taken are not checkpoints completed: only this makes them so. */
  void complete(long checkpoint) {
    Long triggeredAtMs = taken.get(checkpoint);
    taken.headMap(checkpoint, true).clear();
    if (triggeredAtMs == null || (completed != null && completed.id() >= checkpoint)) {
      return;
    }
    completed = new Completed(checkpoint, triggeredAtMs);
  }

  void abort(long checkpoint) {
    taken.remove(checkpoint);
  }

  private void introduce(int partition, long nowMs, List<Stamped> out) {
    if (sequences[partition] > 0) {
      return;
    }
    ObjectNode payload = NODES.objectNode();
    payload.put("parent", parents.isEmpty() ? null : parents.get(0).run);
    if (parents.isEmpty() || restored.isEmpty()) {
      payload.putNull("restored_checkpoint");
    } else {
      payload.put("restored_checkpoint", restored.getAsLong());
    }
    ArrayNode counters = payload.putArray("counters");
    for (StampState parent : parents) {
      counters.addObject().put("subtask", parent.subtask).put("seq", reached(parent, partition));
    }
    out.add(message(partition, wholeHead, Result.of("_run", id, payload), nowMs));
  }

  private static long reached(StampState parent, int partition) {
    for (int i = 0; i < parent.partitions.length; i++) {
      if (parent.partitions[i] == partition) {
        return parent.sequences[i];
      }
    }
    return 0;
  }

  /** Kafka's own choice for the route: the results of a symbol lie where its events lie in a topic as wide. */
  private int partitionOf(Result result) {
    if (result.partition != null) {
      return Math.floorMod(result.partition, sequences.length);
    }
    byte[] route = result.route.getBytes(StandardCharsets.UTF_8);
    return Utils.toPositive(Utils.murmur2(route)) % sequences.length;
  }

  private Stamped message(int partition, String runHead, Result result, long nowMs) {
    StringWriter text = new StringWriter(640);
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeNumberField("schema", 1);
      json.writeStringField("kind", result.kind);
      json.writeStringField("business_key", result.businessKey);
      json.writeStringField("op", result.op);
      raw(json, "calculated_value", result.value);
      json.writeStringField("processing_engine", "FLINK");
      json.writeStringField("pipeline", options.pipeline());
      json.writeStringField("delivery", options.deliveryWord());
      json.writeFieldName("checkpoint_interval_ms");
      if (options.checkpointIntervalMs() > 0) {
        json.writeNumber(options.checkpointIntervalMs());
      } else {
        json.writeNull();
      }
      raw(json, "run", runHead);
      json.writeNumberField("seq", ++sequences[partition]);
      json.writeNumberField("epoch", epoch);
      writeCompleted(json);
      writeOptional(json, result);
      json.writeStringField("emitted_at", time(nowMs));
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return new Stamped(partition, result.businessKey, text.toString());
  }

  private void writeCompleted(JsonGenerator json) throws IOException {
    json.writeFieldName("completed_checkpoint");
    if (completed == null) {
      json.writeNull();
      return;
    }
    json.writeStartObject();
    json.writeNumberField("id", completed.id());
    json.writeStringField("time", time(completed.timeMs()));
    json.writeEndObject();
  }

  private static void writeOptional(JsonGenerator json, Result result) throws IOException {
    if (result.revision != null) {
      json.writeNumberField("revision", result.revision);
    }
    if (result.cause != null) {
      json.writeStringField("cause", result.cause);
    }
    if (result.isFinal != null) {
      json.writeBooleanField("final", result.isFinal);
    }
    if (result.evidence != null) {
      raw(json, "evidence", result.evidence);
    }
    if (result.stateReset != null) {
      json.writeStringField("state_reset", result.stateReset);
    }
  }

  private static void raw(JsonGenerator json, String name, String value) throws IOException {
    json.writeFieldName(name);
    json.writeRawValue(value);
  }

  private String head(List<Step> steps) {
    ObjectNode run = NODES.objectNode();
    run.put("id", id);
    run.put("subtask", subtask);
    ArrayNode chain = run.putArray("lineage");
    steps.forEach(step -> chain.addArray().add(step.run()).add(step.checkpoint()));
    return run.toString();
  }

  private static List<Step> lineageOf(List<StampState> parents, OptionalLong restored) {
    if (parents.isEmpty() || restored.isEmpty()) {
      return List.of();
    }
    StampState parent = parents.get(0);
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < parent.lineageRuns.length; i++) {
      steps.add(new Step(parent.lineageRuns[i], parent.lineageCheckpoints[i]));
    }
    steps.add(new Step(parent.run, restored.getAsLong()));
    return List.copyOf(steps.subList(Math.max(0, steps.size() - LINEAGE_KEPT), steps.size()));
  }

  /** A JobManager that comes back with the same job id counts attempts from 0 again: such a run gets a name of its own. */
  private static String distinct(String base, List<Step> lineage) {
    String id = base;
    for (int n = 1; contains(lineage, id); n++) {
      id = base + "." + n;
    }
    return id;
  }

  private static boolean contains(List<Step> lineage, String run) {
    return lineage.stream().anyMatch(step -> step.run().equals(run));
  }

  private static String time(long ms) {
    return TIME.format(Instant.ofEpochMilli(ms));
  }
}
