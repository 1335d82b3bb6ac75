import type { PipelineFact } from '../contract/proof-port.js';
import type { Micros } from '../position/position.js';
import { fact } from '../server/testing/fake-proofs.js';
import { ALERTS, CONDITION_NAMES, judge, type Condition, type Watched } from './conditions.js';
import type { Figures } from './figures.js';
import type { JobSeen } from './parse.js';

const NOW = 1_000_000_000_000 as Micros;
const ago = (ms: number): Micros => (NOW - ms * 1_000) as Micros;

function flink(over: Partial<PipelineFact> = {}, checkpoints: object = {}): PipelineFact {
  const base = fact({ run: 'job-1/0', lastHeartbeatAt: ago(0) }, 'FLINK');
  if (base.checkpoints === null) throw new Error('a FLINK fact has checkpoints');
  return { ...base, checkpoints: { ...base.checkpoints, provenAt: ago(0), completed: 40, ...checkpoints }, ...over };
}
const job: JobSeen = {
  id: 'job-1',
  name: 'orders-flink',
  state: 'RUNNING',
  completedCount: 41,
  completed: { id: 41, durationMs: 100, sizeBytes: 1 },
  underWayMs: null,
  ended: [],
  restarts: 0,
  watermarkMs: null,
  sourceLag: null,
};
const figures = (over: Partial<Figures> = {}, seen: Partial<JobSeen> = {}): Figures => ({
  job: { ...job, ...seen },
  seenAtMs: 0,
  completedCheckpoints: 41,
  failedCheckpoints: 0,
  restarts: 0,
  restartedAtMs: [],
  ended: [],
  lastCheckpoint: job.completed,
  watermarkMs: null,
  sourceLag: null,
  ...over,
});
const watched = (over: Partial<Watched> = {}): Watched => ({
  facts: [flink()],
  now: NOW,
  figures: figures(),
  alive: true,
  silentMs: 10_000,
  held: null,
  ...over,
});
/** What holds; a question mark: not known. */
const holding = (over: Partial<Watched> = {}): string[] => {
  const judged = judge(watched(over));
  return CONDITION_NAMES.flatMap((name) => (judged[name] === null ? [`${name}?`] : judged[name].holds ? [name] : []));
};
const UNKNOWN: Condition[] = ['CHECKPOINT_SLOW', 'CHECKPOINTS_FAILING', 'RESTARTING'];

test('nothing is wrong with a pipeline that shows its checkpoints', () => {
  expect(holding({ figures: figures({ ended: [{ id: 41, failed: false, endedAtMs: 1 }] }) })).toEqual([]);
});

test('a checkpoint is overdue from the first millisecond after three intervals, in any partition', () => {
  const both = (ms: number) => [flink(), flink({ resultPartition: 1 }, { provenAt: ago(ms) })];
  const without = { figures: null, alive: false };
  expect(holding({ facts: both(3_000), ...without })).not.toContain('CHECKPOINT_OVERDUE');
  expect(holding({ facts: both(3_001), ...without })).toContain('CHECKPOINT_OVERDUE');
  expect(holding({ facts: [flink({}, { provenAt: null })], ...without })).toContain('CHECKPOINT_OVERDUE');
  expect(holding({ facts: [flink({}, { intervalMs: null })], ...without })).toContain('CHECKPOINT_OVERDUE?');
});

test('a pipeline has stopped when it says so, or is silent for longer than an overdue checkpoint explains', () => {
  const heard = (ms: number) => [flink({ lastHeartbeatAt: ago(ms) })];
  expect(holding({ facts: [flink({ state: 'STOPPING' })] })).toContain('PIPELINE_STOPPED');
  expect(holding({ facts: heard(13_000) })).not.toContain('PIPELINE_STOPPED');
  expect(holding({ facts: heard(13_001) })).toContain('PIPELINE_STOPPED');
  const kafkaOnly = fact({ lastHeartbeatAt: ago(10_001) });
  expect(holding({ facts: [kafkaOnly], figures: null, alive: false })).toEqual([
    'CHECKPOINT_OVERDUE?',
    'PIPELINE_STOPPED',
    'LSO_BLOCKED?',
    ...UNKNOWN.map((name) => `${name}?`),
  ]);
});

describe('silence in band while REST is alive', () => {
  const silent = [flink({}, { provenAt: ago(5_000) })];
  test.each<[string, Partial<Watched>, 'holds' | 'does not' | 'unknown']>([
    [
      'three checkpoints completed unseen',
      { figures: figures({}, { completed: { id: 43, durationMs: 1, sizeBytes: 1 } }) },
      'holds',
    ],
    [
      'two did: on their way',
      { figures: figures({}, { completed: { id: 42, durationMs: 1, sizeBytes: 1 } }) },
      'does not',
    ],
    [
      'another job of the same name completed three',
      { figures: figures({}, { id: 'job-2', completedCount: 3 }) },
      'holds',
    ],
    [
      'another job of the same name completed two',
      { figures: figures({}, { id: 'job-2', completedCount: 2 }) },
      'does not',
    ],
    ['its tasks are still starting', { figures: figures({}, { state: 'STARTING', completedCount: 9 }) }, 'does not'],
    ['REST is down or ingest does not read', { alive: false }, 'unknown'],
    ['REST is not configured', { figures: null }, 'unknown'],
  ])('%s: LSO_BLOCKED %s', (_name, over, expected) => {
    const all = holding({ facts: silent, ...over });
    expect(all).toContain('CHECKPOINT_OVERDUE');
    expect([all.includes('LSO_BLOCKED'), all.includes('LSO_BLOCKED?')]).toEqual([
      expected === 'holds',
      expected === 'unknown',
    ]);
  });
  test('what is seen in band is not blocked, whatever REST counts', () => {
    const far = figures({}, { completed: { id: 99, durationMs: 1, sizeBytes: 1 } });
    expect(holding({ figures: far })).not.toContain('LSO_BLOCKED');
  });
});

test("seed 003's alerts begin above five minutes, a tenth failed, half a restart", () => {
  const took = (ms: number) => figures({ lastCheckpoint: { id: 1, durationMs: ms, sizeBytes: 1 } });
  expect(holding({ figures: took(ALERTS.durationMs) })).not.toContain('CHECKPOINT_SLOW');
  expect(holding({ figures: took(ALERTS.durationMs + 1) })).toContain('CHECKPOINT_SLOW');
  const failed = (of: number) =>
    figures({ ended: Array.from({ length: of }, (_, id) => ({ id, failed: id === 0, endedAtMs: id })) });
  expect(holding({ figures: failed(10) })).not.toContain('CHECKPOINTS_FAILING');
  expect(holding({ figures: failed(9) })).toContain('CHECKPOINTS_FAILING');
  expect(holding()).not.toContain('RESTARTING');
  expect(holding({ figures: figures({ restartedAtMs: [1] }) })).toContain('RESTARTING');
  expect(holding({ figures: figures({ restartedAtMs: [1] }), alive: false })).toContain('RESTARTING?');
});
