import { evidenceOf } from '../decision/evidence-check.js';
import { checkTopic, type TopicCheck } from '../decision/topic-check.js';
import { golden, record, type Message } from '../ingest/test-support/world.js';
import { exitCodeOf, EXIT, renderCheck, topicRecord } from './check-topic.js';

const TOPIC = 'results.anybody';
const RUN = { id: 'job/0', subtask: 0, lineage: [] };
const flink = { processing_engine: 'FLINK', delivery: 'EXACTLY_ONCE', checkpoint_interval_ms: 1000 } as const;
const stamped = { ...flink, pipeline: 'p', run: RUN, epoch: 42, completed_checkpoint: null };
const RUN_BEGINS: Message = {
  ...golden('control.run'),
  ...stamped,
  seq: 1,
  calculated_value: { parent: null, restored_checkpoint: null, counters: [] },
};
const HEARTBEAT: Message = { ...golden('control.heartbeat'), ...stamped, seq: 2 };
const RESULT: Message = { ...golden('result.flink'), ...stamped, seq: 3 };

interface Read {
  readonly message: unknown;
  readonly partition?: number;
  readonly open?: boolean;
}

/** As if these lay in the topic one after another, written in committed transactions unless `open`. */
function check(reads: readonly Read[], fromStart: readonly number[] = [0, 1]): TopicCheck {
  const records = reads.map(({ message, partition = 0, open = false }, offset) =>
    topicRecord(TOPIC, partition, { ...record(offset, message), inTransaction: !open }),
  );
  return checkTopic(records, new Set(fromStart));
}
const of = (...messages: readonly unknown[]): Read[] => messages.map((message) => ({ message }));
const without = (message: Message, name: string): Message =>
  Object.fromEntries(Object.entries(message).filter(([key]) => key !== name));
const noEvidence = (name: string): Message => ({
  ...RESULT,
  evidence: without(RESULT['evidence'] as Message, name),
});
const only = ({ pipelines }: TopicCheck) => {
  const [pipeline] = pipelines;
  const kind = pipeline?.kinds[0];
  if (pipeline === undefined || kind === undefined || pipelines.length > 1)
    throw new Error('not one kind of one pipeline');
  const lacking = kind.evidence.filter(({ carried }) => carried < kind.records).map(({ name }) => name);
  return { ...pipeline, ...kind, lacking };
};

test('a Flink topic with all evidence reaches HIGH, and nothing is missing', () => {
  const whole = check(of(RUN_BEGINS, HEARTBEAT, RESULT));
  expect(only(whole)).toMatchObject({ best: 'HIGH', levels: { HIGH: 1 }, reasons: [], lacking: [], announced: 'YES' });
  expect([whole.complete, exitCodeOf(whole)]).toEqual([true, EXIT.complete]);
  expect(renderCheck(TOPIC, { partitions: 2 }, whole)).toMatch(
    /order_window: 1 results\. Best level: HIGH[\s\S]*Nothing is missing/,
  );
});

test('each piece of evidence that is taken away is the one that is said to be missing, with the level that is left', () => {
  const results: Readonly<Record<string, readonly [Message, string]>> = {
    seq: [without(RESULT, 'seq'), 'EVENTUALLY_CONSISTENT'],
    lineage: [{ ...RESULT, run: { id: 'job/0', subtask: 0 } }, 'EVENTUALLY_CONSISTENT'],
    epoch: [without(RESULT, 'epoch'), 'EVENTUALLY_CONSISTENT'],
    revision: [without(RESULT, 'revision'), 'EVENTUALLY_CONSISTENT'],
    digest: [noEvidence('digest'), 'EVENTUALLY_CONSISTENT'],
    checkpoint_interval_ms: [without(RESULT, 'checkpoint_interval_ms'), 'EVENTUALLY_CONSISTENT'],
    coverage: [noEvidence('coverage'), 'LOW'],
  };
  for (const [name, [message, level]] of Object.entries(results)) {
    const lacking = check(of(RUN_BEGINS, HEARTBEAT, message));
    expect([only(lacking).lacking, only(lacking).best, exitCodeOf(lacking)]).toEqual([[name], level, EXIT.lacking]);
  }
  const open = {
    best: 'EVENTUALLY_CONSISTENT',
    lacking: ['transaction'],
    reasons: [{ code: 'EPOCH_OPEN', records: 1 }],
  };
  expect(only(check([...of(RUN_BEGINS, HEARTBEAT), { message: RESULT, open: true }]))).toMatchObject(open);
  expect(only(check(of(RUN_BEGINS, HEARTBEAT, { ...RESULT, delivery: 'AT_LEAST_ONCE' })))).toMatchObject(open);
  // A sink that promises nothing is no exactly-once sink either.
  expect(only(check(of(RUN_BEGINS, HEARTBEAT, without(RESULT, 'delivery')))).lacking.sort()).toEqual([
    'delivery',
    'transaction',
  ]);
  expect(only(check(of({ ...HEARTBEAT, seq: 1 }, { ...RESULT, seq: 2 })))).toMatchObject({
    lacking: ['run'],
    announced: 'NO',
  });
  const named = [...Object.keys(results), 'transaction', 'delivery', 'run'];
  expect(
    evidenceOf('FLINK')
      .map(({ name }) => name)
      .sort(),
  ).toEqual(named.sort());
});

test('somebody else’s job with the least that a message may have: what it lacks is listed by name', () => {
  const least = check(of(golden('result.minimal')));
  expect(only(least)).toMatchObject({
    pipeline: 'somebody-elses-job',
    best: 'LOW',
    announced: 'NO',
    silentPartitions: [0],
  });
  expect(only(least).lacking.sort()).toEqual(
    evidenceOf('FLINK')
      .map(({ name }) => name)
      .sort(),
  );
  expect(renderCheck(TOPIC, { partitions: 1 }, least)).toMatch(
    /Best level: LOW[\s\S]*EVIDENCE_MISSING_coverage[\s\S]*Something is missing/,
  );
});

test('records of one kind may differ: how many reach which level, and how many carry which piece', () => {
  const mixed = check(of(RUN_BEGINS, HEARTBEAT, RESULT, { ...without(RESULT, 'revision'), seq: 4 }));
  expect(only(mixed)).toMatchObject({
    records: 2,
    best: 'HIGH',
    levels: { HIGH: 1, EVENTUALLY_CONSISTENT: 1 },
    reasons: [{ code: 'EVIDENCE_MISSING_revision', records: 1 }],
    evidence: expect.arrayContaining([
      { name: 'revision', carried: 1 },
      { name: 'seq', carried: 2 },
    ]) as unknown,
  });
});

test('a Kafka-only topic is complete without checkpoints, and says why it is not HIGH', () => {
  const run = { run: { id: 'a', subtask: 0, lineage: [] } };
  const messages = ['control.assignment', 'result.kafka-only', 'control.heartbeat'].map((name, i) => ({
    ...golden(name),
    ...run,
    seq: i + 1,
  }));
  const whole = check(messages.map((message) => ({ message, open: true })));
  expect(only(whole)).toMatchObject({
    engine: 'KAFKA_ONLY',
    best: 'EVENTUALLY_CONSISTENT',
    reasons: [{ code: 'NO_CHECKPOINT', records: 1 }],
    lacking: [],
  });
  expect(exitCodeOf(whole)).toBe(EXIT.complete);
  const unassigned = check(messages.slice(1).map((message) => ({ message, open: true })));
  expect(only(unassigned)).toMatchObject({ best: 'LOW', lacking: ['assignment'], announced: 'NO' });
});

test('where a run began is not held against it if that was not read', () => {
  const tail = [
    { ...HEARTBEAT, seq: 811 },
    { ...RESULT, seq: 812 },
  ];
  expect(only(check(of(...tail), []))).toMatchObject({ best: 'HIGH', announced: 'NOT_READ', lacking: [] });
  // Read from the first record on, it is not there.
  expect(only(check(of(...tail), [0]))).toMatchObject({ announced: 'NO', lacking: ['run'] });
});

test('missing numbers, partitions without heartbeats and undecodable records make a topic incomplete', () => {
  const holes = check(of(RUN_BEGINS, HEARTBEAT, { ...RESULT, seq: 7 }));
  expect([only(holes).seqHoles, holes.complete]).toEqual([4, false]);
  const other = { ...RUN_BEGINS, seq: 1 };
  const silent = check([
    ...of(RUN_BEGINS, HEARTBEAT, RESULT),
    { message: other, partition: 1 },
    { message: { ...RESULT, seq: 2 }, partition: 1 },
  ]);
  expect([only(silent).silentPartitions, silent.complete]).toEqual([[1], false]);
  const broken = check(of(RUN_BEGINS, HEARTBEAT, RESULT, '{', { ...RESULT, schema: 2 }, { ...RESULT, op: 'explode' }));
  expect([broken.undecodable, broken.complete, only(broken).best]).toEqual([
    [
      { cause: 'BAD_JSON', records: 1 },
      { cause: 'SCHEMA_UNKNOWN', records: 1 },
      { cause: 'SCHEMA_INVALID', records: 1 },
    ],
    false,
    'HIGH',
  ]);
  // An engine's report of a broken source record is a record like any other.
  const told = check(of(RUN_BEGINS, HEARTBEAT, RESULT, { ...golden('control.dead-letter'), ...stamped, seq: 4 }));
  expect([told.undecodable, told.complete]).toEqual([[], true]);
});

test('what was recomputed is counted apart; without a result of an engine nothing can be told', () => {
  const recomputed = check(of(golden('result.reprocessed')));
  expect(only(recomputed)).toMatchObject({ records: 0, recomputed: 1, best: null, runs: 0 });
  expect([exitCodeOf(recomputed), exitCodeOf(check([]))]).toEqual([EXIT.nothing, EXIT.nothing]);
});
