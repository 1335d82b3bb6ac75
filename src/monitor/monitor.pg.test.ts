/** The monitor over real facts in Postgres and a JobManager's recorded answers: every transition is told once. */
import { Registry } from 'prom-client';
import { eventually } from '../../test/harness/eventually.js';
import { createWorld, golden, record, TOPIC, type Message, type World } from '../ingest/test-support/world.js';
import type { LogRecord } from '../log/port.js';
import { Highest } from '../position/highest.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import { monitorMetrics } from './metrics.js';
import { startMonitor, type Monitor } from './monitor.js';
import { createFlinkRest } from './rest.js';
import { pipelineFigures } from './status.js';
import { FakeRest } from './test-support/fake-rest.js';
import { CHECKPOINTS, JOB } from './test-support/recorded.js';

const PIPELINE = 'orders-flink';
let world: World;
let rest: FakeRest;
let monitors: Monitor[];
beforeEach(async () => {
  world = await createWorld({ engines: new Map([[TOPIC, 'FLINK']]) });
  rest = await FakeRest.start();
  monitors = [];
});
afterEach(async () => {
  await Promise.all(monitors.map((monitor) => monitor.stop()));
  await rest.stop();
  await world.close();
});

function watch(): Monitor {
  const monitor = startMonitor({
    pool: world.pool,
    highest: new Highest(),
    rest: createFlinkRest(rest.url, 1_000),
    reads: () => true,
    endOf: () => null,
    sourceTopic: 'orders.events',
    silentMs: 600_000,
    monotonicMs: () => performance.now(),
    warn: () => undefined,
    everyMs: 10,
  });
  monitors.push(monitor);
  return monitor;
}

const HOURS_MS = 36_000_000;
let offset = 0;
const run = { id: `${JOB}/0`, subtask: 0, lineage: [] };
const control = (kind: string, seq: number, intervalMs: number, value: Message): LogRecord => {
  const message = { ...golden('control.run'), kind, run, seq, checkpoint_interval_ms: intervalMs };
  return { ...record(offset++, { ...message, calculated_value: value }), inTransaction: true };
};
const begin = (intervalMs: number): LogRecord => {
  offset = 0;
  return control('_run', 1, intervalMs, { parent: null, restored_checkpoint: null, counters: [] });
};
const beat = (seq: number, intervalMs: number, state = 'RUNNING'): LogRecord =>
  control('_heartbeat', seq, intervalMs, { state });

const told = async (): Promise<string[]> => {
  const { events } = await createPostgresLedgers(world.pool).events({ descending: false, limit: 100 });
  return events.map(({ type, reasons }) => [type, ...reasons].join(' '));
};
/** Both have looked at what is in Postgres now, more than once. */
async function looked(): Promise<void> {
  const before = monitors.map((monitor) => monitor.judgements());
  await eventually(() => monitors.forEach((monitor, n) => expect(monitor.judgements()).not.toBe(before[n])));
}

test('overdue, resumed, stopped, running again: each told once, by two servers that watch side by side', async () => {
  rest.answers.delete('/jobs/overview');
  await world.deliver(begin(HOURS_MS), beat(2, HOURS_MS));
  watch();
  watch();
  await looked();
  expect(await told()).toEqual(['RUN_STARTED']);
  await world.deliver(beat(3, 1));
  await eventually(async () => expect(await told()).toContain('CHECKPOINT_OVERDUE CHECKPOINT_OVERDUE'));
  await world.deliver(beat(4, HOURS_MS));
  await eventually(async () => expect(await told()).toContain('CHECKPOINT_RESUMED CHECKPOINT_OVERDUE'));
  await world.deliver(beat(5, HOURS_MS, 'STOPPING'));
  await eventually(async () => expect(await told()).toContain('PIPELINE_STOPPED PIPELINE_STOPPED'));
  await world.deliver(beat(6, HOURS_MS));
  await eventually(async () => expect(await told()).toContain('PIPELINE_RESUMED PIPELINE_STOPPED'));
  await looked();
  await looked();
  expect(await told()).toEqual([
    'RUN_STARTED',
    'CHECKPOINT_OVERDUE CHECKPOINT_OVERDUE',
    'CHECKPOINT_RESUMED CHECKPOINT_OVERDUE',
    'PIPELINE_STOPPED PIPELINE_STOPPED',
    'PIPELINE_RESUMED PIPELINE_STOPPED',
  ]);
});

test('a condition that holds is not told again by a server that starts later; what ended meanwhile is', async () => {
  await world.deliver(begin(HOURS_MS), beat(2, HOURS_MS, 'STOPPING'));
  watch();
  await eventually(async () => expect(await told()).toContain('PIPELINE_STOPPED PIPELINE_STOPPED'));
  await monitors[0]?.stop();
  monitors = [];
  watch();
  await looked();
  expect((await told()).filter((text) => text.startsWith('PIPELINE'))).toHaveLength(1);
  await monitors[0]?.stop();
  monitors = [];
  await world.deliver(beat(3, HOURS_MS));
  watch();
  await eventually(async () => expect(await told()).toContain('PIPELINE_RESUMED PIPELINE_STOPPED'));
});

test('REST alive and silence in band is LSO_BLOCKED, and no longer once something is seen', async () => {
  await world.deliver(begin(1), beat(2, 1));
  watch();
  await eventually(async () => expect(await told()).toContain('ALERT_RAISED LSO_BLOCKED'));
  await world.deliver(beat(3, HOURS_MS));
  await eventually(async () => expect(await told()).toContain('ALERT_CLEARED LSO_BLOCKED'));
});

test('REST down moves nothing back, raises no alarm and says that it is down', async () => {
  await world.deliver(begin(HOURS_MS), beat(2, HOURS_MS));
  const monitor = watch();
  const registry = new Registry();
  monitorMetrics(registry, monitor);
  const figures = () => pipelineFigures(monitor.figures(PIPELINE), monitor.judgements().get(PIPELINE) ?? null);
  const known = {
    jobState: 'RUNNING',
    sourceLag: 17,
    watermark: '2026-11-21T16:26:07.333Z',
    lastCheckpointId: 506,
    lastCheckpointDurationMs: 88,
    lastCheckpointSizeBytes: 110_315,
    completedCheckpoints: 280,
    failedCheckpoints: 0,
    restarts: 0,
    conditions: [],
  };
  await eventually(() => expect(figures()).toEqual(known));
  // A JobManager that has forgotten everything, and then none at all.
  rest.answers.set(`/jobs/${JOB}/checkpoints`, { ...CHECKPOINTS, counts: { completed: 0 }, latest: {}, history: [] });
  const asked = rest.asked;
  await eventually(() => expect(rest.asked).toBeGreaterThan(asked + 20));
  expect(figures()).toEqual(known);
  await rest.stop();
  await eventually(() => expect(monitor.restAnswers()).toBe(false), { timeoutMs: 20_000 });
  await looked();
  expect(figures()).toEqual(known);
  expect(await told()).toEqual(['RUN_STARTED']);
  const metrics = await registry.metrics();
  expect(metrics).toContain('tidemark_flink_rest_up 0');
  expect(metrics).toContain(`tidemark_flink_checkpoint_duration_seconds{pipeline="${PIPELINE}"} 0.088`);
  expect(metrics).toContain(`tidemark_pipeline_condition{pipeline="${PIPELINE}",condition="CHECKPOINT_OVERDUE"} 0`);
  expect(metrics).not.toContain('condition="RESTARTING"');
  rest = await FakeRest.start();
}, 60_000);
