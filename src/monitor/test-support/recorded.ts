/**
 * Answers of a Flink 2.2.1 JobManager, recorded on 2026-11-21 from this repository's job at parallelism 2: five minutes after
 * a JobManager was killed and the job resubmitted from a retained checkpoint. Left out: the history but its newest entry,
 * summaries, the plan, and folders of that machine.
 */
export const JOB = '66307f266bb7aa190f459ea8b90a98cc';
export const SOURCE = '45b0254a46cabbc3efeea5d2e170ea5b';
export const SINK = '1a59857a27f6eb63398c1a88b65326fd';

export const OVERVIEW = {
  jobs: [
    {
      jid: JOB,
      name: 'orders-flink',
      'start-time': 1795278431019,
      'end-time': -1,
      duration: 310767,
      state: 'RUNNING',
      'last-modification': 1795278462269,
      tasks: {
        ...{ running: 4, canceling: 0, canceled: 0, total: 4, created: 0, scheduled: 0, deploying: 0 },
        ...{ reconciling: 0, finished: 0, initializing: 0, failed: 0 },
      },
      'pending-operators': 0,
    },
  ],
};

export const JOB_DETAIL = {
  jid: JOB,
  name: 'orders-flink',
  isStoppable: false,
  state: 'RUNNING',
  'job-type': 'STREAMING',
  'start-time': 1795278431019,
  'end-time': -1,
  duration: 311690,
  maxParallelism: -1,
  now: 1795278742709,
  vertices: [
    { id: SOURCE, name: 'Source: orders -> arrival', status: 'RUNNING' },
    { id: SINK, name: 'fold -> stamp -> results: Writer -> results: Committer', status: 'RUNNING' },
  ],
};

const COMPLETED = {
  className: 'completed',
  id: 506,
  status: 'COMPLETED',
  is_savepoint: false,
  savepointFormat: null,
  trigger_timestamp: 1795278742193,
  latest_ack_timestamp: 1795278742281,
  checkpointed_size: 110315,
  state_size: 924580,
  end_to_end_duration: 88,
  alignment_buffered: 0,
  processed_data: 0,
  persisted_data: 0,
  num_subtasks: 4,
  num_acknowledged_subtasks: 4,
  checkpoint_type: 'CHECKPOINT',
  tasks: {},
  external_path: 'file:/flink/checkpoints/66307f266bb7aa190f459ea8b90a98cc/chk-506',
  discarded: false,
};

export const CHECKPOINTS = {
  // 27 triggers while tasks were not running: none of them is in the history, and `latest.failed` is null.
  counts: { restored: 1, total: 307, in_progress: 0, completed: 280, failed: 27 },
  latest: {
    completed: COMPLETED,
    savepoint: null,
    failed: null,
    restored: {
      id: 226,
      restore_timestamp: 1795278435397,
      is_savepoint: true,
      external_path: 'file:/flink/checkpoints/22178f635b489a758a11925b1f17a283/chk-226',
    },
  },
  history: [COMPLETED],
};

export const METRICS = [
  { id: 'numRestarts', value: '0' },
  { id: 'uptime', value: '306889' },
];

export const WATERMARKS = {
  [SOURCE]: [],
  [SINK]: [
    { id: '0.currentInputWatermark', value: '1795278367333' },
    { id: '1.currentInputWatermark', value: '1795278367333' },
  ],
};

/** A few of the names that the source's subtasks answer with. */
export const SOURCE_METRICS = [
  { id: 'arrival.currentInputWatermark' },
  { id: 'Source__orders.currentEmitEventTimeLag' },
  { id: 'Source__orders.pendingRecords' },
  { id: 'Source__orders.watermarkLag' },
  { id: 'Source__orders.KafkaSourceReader.KafkaConsumer.records-lag-max' },
];
