package io.tidemark.orders;

import io.tidemark.stamp.Result;
import io.tidemark.stamp.Stamp;
import io.tidemark.stamp.StampOptions;
import io.tidemark.stamp.Stamped;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Mode B: orders, windows and anomalies, with evidence. Where records come from and go to is the caller's. */
public final class OrdersJob {
  /** State is found again by these: they never change. */
  static final String SOURCE_UID = "orders-source";

  static final String ARRIVAL_UID = "orders-arrival";
  static final String PROGRESS_UID = "orders-progress";
  static final String FOLD_UID = "orders-fold";
  static final String RESETS_UID = "orders-resets";
  static final String COMMANDS_UID = "orders-commands";

  private final FoldSettings settings;
  private final StampOptions stamp;
  private final Source<SourceRecord, ?, ?> source;
  private final Source<Reset, ?, ?> resets;
  private final Sink<Stamped> sink;

  /**
   * @param resets commands to replace state (ADR 13); null: none are read
   */
  public OrdersJob(
      FoldSettings settings,
      StampOptions stamp,
      Source<SourceRecord, ?, ?> source,
      Source<Reset, ?, ?> resets,
      Sink<Stamped> sink) {
    this.settings = settings;
    this.stamp = stamp;
    this.source = source;
    this.resets = resets;
    this.sink = sink;
  }

  /** Adds the job to the environment; nothing runs yet. */
  public void build(StreamExecutionEnvironment env) {
    // Without Kryo the types of the state can grow, and nothing is serialized by accident.
    env.configure(new Configuration().set(PipelineOptions.GENERIC_TYPES, false));
    SingleOutputStreamOperator<Arrival> arrivals =
        env.fromSource(source, EventTimes.strategy(settings), "orders", Types.POJO(SourceRecord.class))
            .uid(SOURCE_UID)
            .process(new ArrivalFunction(settings), Types.POJO(Arrival.class))
            .uid(ARRIVAL_UID)
            .name("arrival");
    SingleOutputStreamOperator<Arrival> told =
        arrivals
            .transform("progress", Types.POJO(Arrival.class), new ProgressOperatorFactory())
            .uid(PROGRESS_UID);
    SingleOutputStreamOperator<Result> results =
        withCommands(env, told)
            .keyBy(Arrival::route)
            .connect(arrivals.getSideOutput(ArrivalFunction.KEYLESS).broadcast(OrdersFunction.KEYLESS))
            .process(new OrdersFunction(settings), Types.POJO(Result.class))
            .uid(FOLD_UID)
            .name("fold");
    Stamp.attach(results, stamp, sink);
  }

  /** A command goes where the records of its symbol go: the state that it replaces is that key's. */
  private DataStream<Arrival> withCommands(StreamExecutionEnvironment env, DataStream<Arrival> arrivals) {
    if (resets == null) {
      return arrivals;
    }
    DataStream<Arrival> commands =
        env.fromSource(resets, NoEventTime.strategy(), "resets", Types.POJO(Reset.class))
            .uid(RESETS_UID)
            .map(Arrival::of, Types.POJO(Arrival.class))
            .uid(COMMANDS_UID)
            .name("commands");
    return arrivals.union(commands);
  }
}
