package io.tidemark.orders;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidemark.stamp.Result;
import java.util.Base64;

/** Control records that the job itself sends (contract §5); the others are the stamp's. */
final class Controls {
  private Controls() {}

  /** An event came too late for the result it would have belonged to. */
  static Result lateDropped(String kind, String businessKey, SourceRecord record, long watermarkMs) {
    ObjectNode value = JsonNodeFactory.instance.objectNode();
    value.put("kind", kind);
    value.put("event_id", record.event.eventId);
    value.put("order_id", record.event.orderId);
    value.put("source_partition", record.partition);
    value.put("source_offset", record.offset);
    value.put("event_time", record.event.eventTime);
    value.put("watermark", Times.iso(watermarkMs));
    return Result.of("_late_dropped", businessKey, value).routedBy(record.event.symbol);
  }

  /** A record nobody could decode. It goes where its key's results go, without a key to its own partition's number. */
  static Result deadLetter(SourceRecord record) {
    ObjectNode value = JsonNodeFactory.instance.objectNode();
    value.put("source_topic", record.topic);
    value.put("source_partition", record.partition);
    value.put("source_offset", record.offset);
    value.put("kafka_key", record.key);
    value.put("cause", record.code);
    value.put("message", record.message);
    value.put("payload_base64", Base64.getEncoder().encodeToString(record.payload));
    value.put("truncated", record.truncated);
    String businessKey = record.topic + "/" + record.partition + "/" + record.offset;
    Result letter = Result.of("_dead_letter", businessKey, value);
    return record.key == null ? letter.intoPartition(record.partition) : letter.routedBy(record.key);
  }
}
