package io.tidemark.orders;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Kafka record → {@link Reset}. What is none of this engine's is skipped: without it a result stays in doubt, no more. */
public final class ResetsDeserializer implements KafkaRecordDeserializationSchema<Reset> {
  private static final long serialVersionUID = 1L;

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Reset> out) {
    Reset reset = record.value() == null ? null : Reset.parse(record.value());
    if (reset != null) {
      out.collect(reset);
    }
  }

  @Override
  public TypeInformation<Reset> getProducedType() {
    return Types.POJO(Reset.class);
  }
}
