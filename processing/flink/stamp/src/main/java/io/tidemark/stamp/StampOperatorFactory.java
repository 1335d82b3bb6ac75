package io.tidemark.stamp;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

final class StampOperatorFactory extends AbstractStreamOperatorFactory<Stamped>
    implements OneInputStreamOperatorFactory<Result, Stamped> {
  private static final long serialVersionUID = 1L;

  private final StampOptions options;

  StampOperatorFactory(StampOptions options) {
    this.options = options;
    setChainingStrategy(ChainingStrategy.ALWAYS);
  }

  @Override
  @SuppressWarnings("unchecked")
  public <T extends StreamOperator<Stamped>> T createStreamOperator(StreamOperatorParameters<Stamped> parameters) {
    return (T) new StampOperator(parameters, options);
  }

  @Override
  @SuppressWarnings("rawtypes")
  public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
    return StampOperator.class;
  }
}
