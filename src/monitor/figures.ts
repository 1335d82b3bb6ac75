/**
 * What REST has said of a pipeline's jobs so far → one set of figures that only moves forward: a JobManager that comes back
 * begins to count anew, and one that does not answer says nothing (contract.md §5). Pure.
 */
import type { EndedCheckpoint, JobSeen } from './parse.js';

/** Rates are taken over so much. Milliseconds. */
export const WINDOW_MS = 600_000;

export interface Figures {
  readonly job: JobSeen;
  /** When REST answered last, by this server's monotonic clock. Milliseconds. */
  readonly seenAtMs: number;
  readonly completedCheckpoints: number;
  /** Without triggers while tasks were not running. */
  readonly failedCheckpoints: number;
  /** Of the job, and times that it was submitted again. */
  readonly restarts: number;
  /** When a restart was noticed, within the window; by this server's monotonic clock. */
  readonly restartedAtMs: readonly number[];
  /** Ends of checkpoints within the window, by the JobManager's clock. */
  readonly ended: readonly EndedCheckpoint[];
  /** null until REST has told it once, and never again after that. */
  readonly lastCheckpoint: JobSeen['completed'];
  readonly watermarkMs: number | null;
  readonly sourceLag: number | null;
}

const firstSight = (job: JobSeen, nowMs: number): Figures => ({
  job,
  seenAtMs: nowMs,
  completedCheckpoints: job.completedCount,
  failedCheckpoints: job.ended.filter(({ failed }) => failed).length,
  restarts: job.restarts ?? 0,
  // What happened before this server looked is nobody's news.
  restartedAtMs: [],
  ended: job.ended,
  lastCheckpoint: job.completed,
  watermarkMs: job.watermarkMs,
  sourceLag: job.sourceLag,
});

/** How much a counter has moved on; one that stands lower was begun anew. */
const moved = (before: number, now: number): number => (now >= before ? now - before : now);

/** The same job, submitted again, has another id; its checkpoints' numbers go on from the one that it was restored from. */
export function evolve(before: Figures | null, job: JobSeen, nowMs: number): Figures {
  if (before === null) return firstSight(job, nowMs);
  const same = before.job.id === job.id;
  const known = new Set(before.ended.map(({ id, endedAtMs }) => `${id}@${endedAtMs}`));
  const fresh = job.ended.filter(({ id, endedAtMs }) => !known.has(`${id}@${endedAtMs}`));
  const ended = [...before.ended, ...fresh];
  const newest = Math.max(...ended.map(({ endedAtMs }) => endedAtMs));
  const counted = same ? (before.job.restarts ?? 0) : 0;
  const again = Math.max(0, (job.restarts ?? counted) - counted) + (same ? 0 : 1);
  return {
    // What is not told now was told before.
    job: { ...job, restarts: job.restarts ?? (same ? before.job.restarts : null) },
    seenAtMs: nowMs,
    completedCheckpoints:
      before.completedCheckpoints + (same ? moved(before.job.completedCount, job.completedCount) : job.completedCount),
    failedCheckpoints: before.failedCheckpoints + fresh.filter(({ failed }) => failed).length,
    restarts: before.restarts + again,
    restartedAtMs: [...before.restartedAtMs, ...Array.from({ length: again }, () => nowMs)].filter(
      (at) => nowMs - at <= WINDOW_MS,
    ),
    ended: ended.filter(({ endedAtMs }) => newest - endedAtMs <= WINDOW_MS),
    lastCheckpoint: job.completed ?? before.lastCheckpoint,
    watermarkMs: job.watermarkMs ?? before.watermarkMs,
    sourceLag: job.sourceLag ?? before.sourceLag,
  };
}

/** Of the checkpoints that ended within the window, how many failed: 0 to 1; null: none ended. */
export const failureRate = ({ ended }: Figures): number | null =>
  ended.length === 0 ? null : ended.filter(({ failed }) => failed).length / ended.length;

/** Duration of the newest completed checkpoint, or of the one under way if that takes longer already. Milliseconds. */
export const slowestMs = ({ lastCheckpoint, job }: Figures): number | null =>
  lastCheckpoint === null && job.underWayMs === null
    ? null
    : Math.max(lastCheckpoint?.durationMs ?? 0, job.underWayMs ?? 0);
