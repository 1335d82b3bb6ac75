package io.tidemark.stamp;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Objects;

/**
 * What a job has to say, before it is stamped: one result, or one control record, of contract §5.
 *
 * <p>A mutable POJO, because Flink serializes those without Kryo. The factory methods and the chained setters are the way
 * to make one; whatever is left out is left out of the message, and ingest lowers the level for it.
 */
public final class Result {
  /** {@code order_window}, say; a control kind begins with an underscore. */
  public String kind;

  /** Identifies the result within its kind; it is the Kafka key of the message. */
  public String businessKey;

  /** {@code upsert} or {@code delete}. */
  public String op;

  /** All results that share it share a result partition: the symbol of an order, say. */
  public String route;

  /** The result partition itself, for records that belong to no route; null: the route decides. */
  public Integer partition;

  /** JSON object: {@code calculated_value}. */
  public String value;

  /** Counts the emissions of this result, from 1; null: unknown. */
  public Long revision;

  /** {@code IN_ORDER}, {@code LATE} or {@code REPROCESSED}; null: unknown. */
  public String cause;

  /** No further change is expected; null: unknown. */
  public Boolean isFinal;

  /** JSON object: {@code evidence}; null: none. */
  public String evidence;

  /** {@code state_reset}: the verified fold that the state behind it was replaced by; null: none. */
  public String stateReset;

  /** Not a result: news of this source partition; null: it is a result. */
  public Integer sourcePartition;

  public Long nextOffset;
  public Long appendTimeMs;

  /** For Flink's serializer. */
  public Result() {}

  /**
   * @param kind kind of the result
   * @param businessKey identifies the result within its kind
   */
  public static Result of(String kind, String businessKey, ObjectNode calculatedValue) {
    Result result = new Result();
    result.kind = Objects.requireNonNull(kind);
    result.businessKey = Objects.requireNonNull(businessKey);
    result.route = businessKey;
    result.op = "upsert";
    result.value = calculatedValue.toString();
    return result;
  }

  /**
   * Not a message: what heartbeats say from now on of a source partition. To be said behind all that this subtask makes of the
   * records below. Every subtask has to say it, of every partition: what one has not spoken of is not known.
   *
   * @param nextOffset the record just below has been read by this run
   * @param appendTimeMs LogAppendTime of that record
   */
  public static Result progress(int sourcePartition, long nextOffset, long appendTimeMs) {
    Result result = new Result();
    result.sourcePartition = sourcePartition;
    result.nextOffset = nextOffset;
    result.appendTimeMs = appendTimeMs;
    return result;
  }

  /** Sends the result where all others of this route go; without it the business key is the route. */
  public Result routedBy(String newRoute) {
    route = Objects.requireNonNull(newRoute);
    return this;
  }

  /** Sends the record to this number modulo the number of result partitions. */
  public Result intoPartition(int number) {
    partition = number;
    return this;
  }

  /** The result has been deleted; {@code calculated_value} is its last image. */
  public Result deleted() {
    op = "delete";
    return this;
  }

  public Result revision(long number) {
    revision = number;
    return this;
  }

  public Result cause(String why) {
    cause = why;
    return this;
  }

  public Result isFinal(boolean closed) {
    isFinal = closed;
    return this;
  }

  public Result stateReset(String nonce) {
    stateReset = nonce;
    return this;
  }

  public Result evidence(ObjectNode node) {
    evidence = node.toString();
    return this;
  }
}
