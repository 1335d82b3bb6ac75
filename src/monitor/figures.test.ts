import { evolve, failureRate, slowestMs, WINDOW_MS, type Figures } from './figures.js';
import type { JobSeen } from './parse.js';

const job = (over: Partial<JobSeen> = {}): JobSeen => ({
  id: 'job-1',
  name: 'orders-flink',
  state: 'RUNNING',
  completedCount: 10,
  completed: { id: 10, durationMs: 50, sizeBytes: 1_000 },
  underWayMs: null,
  ended: [],
  restarts: 2,
  watermarkMs: 5_000,
  sourceLag: 3,
  ...over,
});
const all = (...jobs: readonly (readonly [JobSeen, number])[]): Figures =>
  jobs.reduce<Figures | null>((figures, [seen, at]) => evolve(figures, seen, at), null) as Figures;
const ended = (id: number, failed: boolean, endedAtMs = id * 1_000) => ({ id, failed, endedAtMs });

test('a JobManager that counts anew, and figures that it does not tell, move nothing back', () => {
  const empty = { completed: null, restarts: null, watermarkMs: null, sourceLag: null };
  const figures = all(
    [job(), 0],
    [job({ completedCount: 14, restarts: 3 }), 1],
    [job({ id: 'job-2', completedCount: 0, ...empty, state: 'STARTING' }), 2],
    [job({ id: 'job-2', completedCount: 5, ...empty, restarts: 1 }), 3],
  );
  expect(figures).toMatchObject({
    completedCheckpoints: 19,
    // Two before it looked, one more, submitted again, one more.
    restarts: 5,
    lastCheckpoint: { id: 10, durationMs: 50, sizeBytes: 1_000 },
    watermarkMs: 5_000,
    sourceLag: 3,
  });
});

test('restarts before the first look are old news; within ten minutes each counts, and then no longer', () => {
  const two = [
    [job(), 0],
    [job({ restarts: 4 }), 1_000],
  ] as const;
  expect(all([job(), 0]).restartedAtMs).toEqual([]);
  expect(all(...two).restartedAtMs).toEqual([1_000, 1_000]);
  expect(all(...two, [job({ restarts: 4 }), 1_000 + WINDOW_MS]).restartedAtMs).toHaveLength(2);
  expect(all(...two, [job({ restarts: 4 }), 1_001 + WINDOW_MS]).restartedAtMs).toEqual([]);
});

test('each end of a checkpoint counts once, also where its number comes again after a restore', () => {
  const figures = all(
    [job({ ended: [ended(1, false), ended(2, true)] }), 0],
    [job({ ended: [ended(2, true), ended(3, true)] }), 1],
    [job({ id: 'job-2', ended: [ended(2, false, 9_000)] }), 2],
  );
  expect([figures.failedCheckpoints, failureRate(figures)]).toEqual([2, 0.5]);
  expect(failureRate(all([job(), 0]))).toBeNull();
});

test('a checkpoint that is under way longer than the last one took is the slow one', () => {
  expect(slowestMs(all([job(), 0]))).toBe(50);
  expect(slowestMs(all([job({ underWayMs: 70 }), 0]))).toBe(70);
  expect(slowestMs(all([job({ completed: null }), 0]))).toBeNull();
});
