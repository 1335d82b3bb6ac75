package io.tidemark.stamp;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.kafka.clients.admin.Admin;

/** The evidence stamp, for any job. README.md shows the five lines. */
public final class Stamp {
  /** Fixed: state is found again by them. */
  public static final String STAMP_UID = "tidemark-stamp";

  public static final String SINK_UID = "tidemark-results";

  /** Below the broker's transaction.max.timeout.ms of 15 minutes. A job down for longer has lost what it had not committed. */
  private static final String TRANSACTION_TIMEOUT_MS = "600000";

  private static final int LOOK_UP_SECONDS = 60;

  private Stamp() {}

  /**
   * Stamps results and sends them. Stamp and sink keep the parallelism of the results, so that they are chained: number,
   * epoch and transaction of a record belong together.
   */
  public static void attach(DataStream<Result> results, StampOptions options, Sink<Stamped> sink) {
    SingleOutputStreamOperator<Stamped> stamped =
        results
            .transform("stamp", Types.POJO(Stamped.class), new StampOperatorFactory(options))
            .setParallelism(results.getParallelism())
            .uid(STAMP_UID);
    stamped.sinkTo(sink).setParallelism(results.getParallelism()).uid(SINK_UID).name("results");
  }

  /**
   * A sink that delivers what the stamp says.
   *
   * @param prefix of the transactional ids: one per pipeline, for good. With another one, open transactions of the former
   *     run hide what follows them from readers until they time out.
   * @param properties further settings of the producer, security for instance
   */
  public static KafkaSink<Stamped> sink(
      StampOptions options, String brokers, String topic, String prefix, Map<String, String> properties) {
    var builder =
        KafkaSink.<Stamped>builder()
            .setBootstrapServers(brokers)
            .setDeliveryGuarantee(options.delivery())
            .setTransactionalIdPrefix(prefix)
            .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
            .setProperty("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            .setProperty("acks", "all")
            .setProperty("enable.idempotence", "true");
    properties.forEach(builder::setProperty);
    return builder.setRecordSerializer(new StampedSerializer(topic)).build();
  }

  /**
   * How many partitions a topic has.
   *
   * @throws IllegalStateException if the topic does not exist or the brokers do not answer within a minute
   */
  public static int partitionsOf(String brokers, String topic, Map<String, String> properties) {
    var config = new HashMap<String, Object>(properties);
    config.put("bootstrap.servers", brokers);
    try (Admin admin = Admin.create(config)) {
      return admin
          .describeTopics(List.of(topic))
          .allTopicNames()
          .get(LOOK_UP_SECONDS, TimeUnit.SECONDS)
          .get(topic)
          .partitions()
          .size();
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("the partitions of topic " + topic + " at " + brokers + " are unknown", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
