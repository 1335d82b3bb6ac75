package io.tidemark.orders;

import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;

final class ProgressOperatorFactory extends AbstractStreamOperatorFactory<Arrival>
    implements OneInputStreamOperatorFactory<Arrival, Arrival> {
  private static final long serialVersionUID = 1L;

  ProgressOperatorFactory() {
    setChainingStrategy(ChainingStrategy.ALWAYS);
  }

  @Override
  @SuppressWarnings("unchecked")
  public <T extends StreamOperator<Arrival>> T createStreamOperator(StreamOperatorParameters<Arrival> parameters) {
    return (T) new ProgressOperator(parameters);
  }

  @Override
  @SuppressWarnings("rawtypes")
  public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
    return ProgressOperator.class;
  }
}
