package io.tidemark.stamp;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Stamped record → Kafka record, in the partition that the stamp has chosen. */
final class StampedSerializer implements KafkaRecordSerializationSchema<Stamped>, KafkaDatasetFacetProvider {
  private static final long serialVersionUID = 1L;

  private final String topic;

  StampedSerializer(String topic) {
    this.topic = topic;
  }

  /** No time is set: KafkaSink would take the event time, by which Kafka's retention deletes old events' results. */
  @Override
  public ProducerRecord<byte[], byte[]> serialize(Stamped record, KafkaSinkContext context, Long timestamp) {
    return new ProducerRecord<>(
        topic,
        record.partition,
        null,
        record.key.getBytes(StandardCharsets.UTF_8),
        record.value.getBytes(StandardCharsets.UTF_8));
  }

  /** The sink needs it to find the transactions that a former run has left open. */
  @Override
  public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
    return Optional.of(
        new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(List.of(topic)), new Properties()));
  }
}
