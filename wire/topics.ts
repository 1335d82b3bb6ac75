/** The names that every process of the system must spell alike. */
export const TOPIC_ORDERS = 'orders.events';
export const TOPIC_RESULTS_KAFKA_ONLY = 'results.kafka-only';
export const TOPIC_RESULTS_FLINK = 'results.flink';
/** Commands to a processor to replace its state of a result by the verified fold (reset.ts). */
export const TOPIC_RESETS = 'orders.resets';
export const TOPIC_COMMIT_LOG = 'cdc.public.commit_log';

export const RESULT_TOPICS = [TOPIC_RESULTS_KAFKA_ONLY, TOPIC_RESULTS_FLINK] as const;

/** Version of the result message. Another one pauses the partition with an alarm: it is never guessed at. */
export const RESULT_SCHEMA = 1;

export const PIPELINE_KAFKA_ONLY = 'orders-kafka-only';
export const PIPELINE_FLINK = 'orders-flink';
