package io.tidemark.orders;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Kafka record → {@link SourceRecord}. Tombstones are skipped; nothing that is broken stops the partition. */
public final class OrdersDeserializer implements KafkaRecordDeserializationSchema<SourceRecord> {
  private static final long serialVersionUID = 1L;

  /** Of an undecodable value; the record itself stays in its topic. */
  static final int MAX_PAYLOAD_BYTES = 64 * 1024;

  /** No symbol is longer than 64. */
  private static final int MAX_KEY_CHARS = 256;

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<SourceRecord> out) {
    if (record.value() == null) {
      return;
    }
    String key = record.key() == null ? null : new String(record.key(), StandardCharsets.UTF_8);
    out.collect(read(record.topic(), record.partition(), record.offset(), key, record.timestamp(), record.value()));
  }

  /** The same from its parts. */
  static SourceRecord read(
      String topic, int partition, long offset, String key, long appendTimeMs, byte[] value) {
    SourceRecord read = new SourceRecord();
    read.topic = topic;
    read.partition = partition;
    read.offset = offset;
    read.key = key == null ? null : key.substring(0, Math.min(MAX_KEY_CHARS, key.length()));
    read.appendTimeMs = appendTimeMs;
    EventParser.Parsed parsed = EventParser.parse(value);
    read.event = parsed.event();
    if (read.event == null) {
      read.code = parsed.code();
      read.message = parsed.message();
      read.payload = Arrays.copyOf(value, Math.min(MAX_PAYLOAD_BYTES, value.length));
      read.truncated = value.length > MAX_PAYLOAD_BYTES;
    }
    return read;
  }

  @Override
  public TypeInformation<SourceRecord> getProducedType() {
    return Types.POJO(SourceRecord.class);
  }
}
