/**
 * Answers of Flink's REST interface (2.2) → what is known of a job. Pure.
 *
 * All of it is for display and alarms: nothing that REST says raises a claim (contract.md §5). Times are the JobManager's.
 */
import { z } from 'zod';

const number = z.number();
const overviewJob = z.object({ jid: z.string(), name: z.string(), state: z.string(), 'start-time': number });
export const overviewAnswer = z.object({ jobs: z.array(overviewJob) });

export const jobAnswer = z.object({
  jid: z.string(),
  name: z.string(),
  state: z.string(),
  now: number,
  vertices: z.array(z.object({ id: z.string(), name: z.string(), status: z.string() })),
});

const checkpoint = z.object({
  id: number,
  status: z.string(),
  trigger_timestamp: number,
  latest_ack_timestamp: number.optional(),
  end_to_end_duration: number.optional(),
  checkpointed_size: number.optional(),
  failure_timestamp: number.optional(),
  failure_message: z.string().nullable().optional(),
});
export const checkpointsAnswer = z.object({
  counts: z.object({ completed: number }),
  latest: z.object({
    completed: checkpoint.nullable().optional(),
    failed: checkpoint.nullable().optional(),
  }),
  history: z.array(checkpoint),
});

/** Values are texts: a gauge may also say NaN. */
export const metricsAnswer = z.array(z.object({ id: z.string(), value: z.string().optional() }));

/** One checkpoint whose end is known. */
export interface EndedCheckpoint {
  readonly id: number;
  readonly failed: boolean;
  readonly endedAtMs: number;
}

export interface JobSeen {
  readonly id: string;
  readonly name: string;
  /** RUNNING only when all of its vertices are: a job says so while they are still starting. */
  readonly state: string;
  readonly completedCount: number;
  /** The newest completed checkpoint that the JobManager speaks of; null: none since it took the job. */
  readonly completed: { readonly id: number; readonly durationMs: number; readonly sizeBytes: number } | null;
  /** How long the checkpoint that is under way has been so; null: none is. */
  readonly underWayMs: number | null;
  /** The newest ones, as far back as the JobManager keeps them. */
  readonly ended: readonly EndedCheckpoint[];
  /** null: not told. */
  readonly restarts: number | null;
  /** Milliseconds since the epoch, the lowest of all subtasks; null: none yet. */
  readonly watermarkMs: number | null;
  /** Records of the source that were not fetched yet; null: not told. */
  readonly sourceLag: number | null;
}

/** A trigger while tasks were not running is no failed checkpoint, though Flink counts it as one. */
const NOT_RUNNING = /not all required tasks are currently running|not being executed at the moment/i;

type Checkpoint = z.infer<typeof checkpoint>;

function endOf(one: Checkpoint): EndedCheckpoint[] {
  if (one.status === 'COMPLETED') return [{ id: one.id, failed: false, endedAtMs: one.latest_ack_timestamp ?? 0 }];
  if (one.status !== 'FAILED' || NOT_RUNNING.test(one.failure_message ?? '')) return [];
  return [{ id: one.id, failed: true, endedAtMs: one.failure_timestamp ?? one.trigger_timestamp }];
}

const finite = (text: string | undefined): number[] =>
  text === undefined || text === '' || !Number.isFinite(Number(text)) ? [] : [Number(text)];

/** Before its first event a subtask says the smallest long. */
const NO_WATERMARK = -9e18;

/** The lowest watermark of all subtasks that have any to tell of. */
export function lowestWatermark(answers: readonly z.infer<typeof metricsAnswer>[]): number | null {
  const marks = answers.flat().flatMap(({ value }) => finite(value));
  const low = marks.length === 0 ? NaN : Math.min(...marks);
  return low > NO_WATERMARK ? low : null;
}

const PENDING = /(^|\.)pendingRecords$/;

/** Names under which a source's subtasks say what they have not fetched. */
export const pendingNames = (names: z.infer<typeof metricsAnswer>): string[] =>
  names.flatMap(({ id }) => (PENDING.test(id) ? [id] : []));

/** What `GET …/subtasks/metrics?get=…&agg=sum` answers. */
export const sumsAnswer = z.array(z.object({ id: z.string(), sum: number.optional() }));

/** The sum over all sources; null when none says. */
export function lagOf(sums: z.infer<typeof sumsAnswer>): number | null {
  const told = sums.flatMap(({ id, sum }) => (PENDING.test(id) && sum !== undefined && sum >= 0 ? [sum] : []));
  return told.length === 0 ? null : Math.round(told.reduce((all, one) => all + one, 0));
}

export const restartsOf = (metrics: z.infer<typeof metricsAnswer>): number | null =>
  finite(metrics.find(({ id }) => id === 'numRestarts')?.value)[0] ?? null;

export interface JobAnswers {
  readonly job: z.infer<typeof jobAnswer>;
  readonly checkpoints: z.infer<typeof checkpointsAnswer>;
  readonly restarts: number | null;
  readonly watermarkMs: number | null;
  readonly sourceLag: number | null;
}

export function jobSeen({ job, checkpoints, restarts, watermarkMs, sourceLag }: JobAnswers): JobSeen {
  const { latest, history, counts } = checkpoints;
  const { completed = null, failed = null } = latest;
  const ended = new Map([...history, ...(failed === null ? [] : [failed])].flatMap(endOf).map((one) => [one.id, one]));
  const underWay = history.find(({ status }) => status === 'IN_PROGRESS');
  const starting = job.state === 'RUNNING' && job.vertices.some(({ status }) => status !== 'RUNNING');
  return {
    id: job.jid,
    name: job.name,
    state: starting ? 'STARTING' : job.state,
    completedCount: counts.completed,
    completed:
      completed === null
        ? null
        : {
            id: completed.id,
            durationMs: completed.end_to_end_duration ?? 0,
            sizeBytes: completed.checkpointed_size ?? 0,
          },
    underWayMs: underWay === undefined ? null : Math.max(0, job.now - underWay.trigger_timestamp),
    ended: [...ended.values()],
    restarts,
    watermarkMs,
    sourceLag,
  };
}

const TERMINAL = new Set(['FINISHED', 'CANCELED', 'FAILED']);

/** Of each name the job that was started last; one that has ended only if none of that name is left. */
export function newestJobs({ jobs }: z.infer<typeof overviewAnswer>): string[] {
  const byName = new Map<string, (typeof jobs)[number]>();
  const rank = (job: (typeof jobs)[number]): number => (TERMINAL.has(job.state) ? 0 : 1e15) + job['start-time'];
  for (const job of jobs) {
    const known = byName.get(job.name);
    if (known === undefined || rank(job) > rank(known)) byName.set(job.name, job);
  }
  return [...byName.values()].map(({ jid }) => jid);
}
