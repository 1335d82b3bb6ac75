package io.tidemark.orders;

import io.tidemark.stamp.Stamp;
import io.tidemark.stamp.StampOptions;
import java.util.Properties;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** {@code orders.events} → {@code results.flink}, on Kafka. */
public final class Main {
  private Main() {}

  /**
   * @param arguments {@code NAME=value}, over the variables of the process
   */
  public static void main(String[] arguments) throws Exception {
    Settings settings = Settings.read(System.getenv(), arguments);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.configure(ClusterConfig.of(settings));
    env.setParallelism(settings.parallelism);
    int partitions = Stamp.partitionsOf(settings.brokers, settings.resultTopic, settings.kafkaProperties);
    StampOptions stamp = StampOptions.of(settings.pipeline, partitions, env);
    var sink =
        Stamp.sink(
            stamp,
            settings.brokers,
            settings.resultTopic,
            settings.transactionalIdPrefix,
            settings.kafkaProperties);
    new OrdersJob(settings.fold, stamp, source(settings), resets(settings), sink).build(env);
    env.execute(settings.pipeline);
  }

  /**
   * From the beginning of the topic, unless a checkpoint says otherwise: the offsets that it commits on completion are for
   * people and for {@code sourceAsOf}, state and position come from the checkpoint alone.
   */
  private static KafkaSource<SourceRecord> source(Settings settings) {
    Properties properties = new Properties();
    properties.putAll(settings.kafkaProperties);
    return KafkaSource.<SourceRecord>builder()
        .setBootstrapServers(settings.brokers)
        .setTopics(settings.sourceTopic)
        .setGroupId(settings.group)
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setProperties(properties)
        .setProperty("isolation.level", "read_committed")
        .setProperty("commit.offsets.on.checkpoint", "true")
        .setDeserializer(new OrdersDeserializer())
        .build();
  }

  /** From now on, unless a checkpoint says otherwise: an older command speaks of a state that is not there yet. */
  private static KafkaSource<Reset> resets(Settings settings) {
    if (settings.resetTopic.equals(Settings.NONE)) {
      return null;
    }
    Properties properties = new Properties();
    properties.putAll(settings.kafkaProperties);
    return KafkaSource.<Reset>builder()
        .setBootstrapServers(settings.brokers)
        .setTopics(settings.resetTopic)
        .setGroupId(settings.group + "-resets")
        .setStartingOffsets(OffsetsInitializer.latest())
        .setProperties(properties)
        .setProperty("commit.offsets.on.checkpoint", "false")
        .setDeserializer(new ResetsDeserializer())
        .build();
  }
}
