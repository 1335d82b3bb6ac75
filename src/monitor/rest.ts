/** Flink's REST interface: asks, within one limit for all of it, and hands the answers to parse.ts. */
import type { z } from 'zod';
import {
  checkpointsAnswer,
  jobAnswer,
  jobSeen,
  lagOf,
  lowestWatermark,
  metricsAnswer,
  newestJobs,
  overviewAnswer,
  pendingNames,
  restartsOf,
  sumsAnswer,
  type JobSeen,
} from './parse.js';

export interface FlinkRest {
  /** What the cluster says of its jobs, one per name. @throws when it does not answer in time, or says something else */
  jobs(): Promise<readonly JobSeen[]>;
}

/** @param timeoutMs of everything that one call of `jobs` asks */
export function createFlinkRest(url: string, timeoutMs: number): FlinkRest {
  const base = url.replace(/\/+$/, '');

  async function get<S extends z.ZodType>(path: string, answer: S, signal: AbortSignal): Promise<z.infer<S>> {
    const response = await fetch(`${base}${path}`, { signal, redirect: 'error' });
    if (!response.ok) throw new Error(`Flink's REST interface answers ${response.status} to ${path}`);
    return answer.parse(await response.json());
  }

  /** Some figures come and go with the tasks: without them the others are still worth showing. */
  const perhaps = <T>(asked: Promise<T>, otherwise: T): Promise<T> => asked.catch(() => otherwise);

  async function lag(job: string, vertex: string, signal: AbortSignal): Promise<z.infer<typeof sumsAnswer>> {
    const path = `/jobs/${job}/vertices/${vertex}/subtasks/metrics`;
    const names = pendingNames(await get(path, metricsAnswer, signal));
    if (names.length === 0) return [];
    return get(`${path}?agg=sum&get=${names.map(encodeURIComponent).join(',')}`, sumsAnswer, signal);
  }

  async function seen(id: string, signal: AbortSignal): Promise<JobSeen> {
    const [job, checkpoints, metrics] = await Promise.all([
      get(`/jobs/${id}`, jobAnswer, signal),
      get(`/jobs/${id}/checkpoints`, checkpointsAnswer, signal),
      perhaps(get(`/jobs/${id}/metrics?get=numRestarts`, metricsAnswer, signal), []),
    ]);
    const vertices = job.vertices.map((vertex) => vertex.id);
    const [marks, sums] = await Promise.all([
      Promise.all(
        vertices.map((vertex) => perhaps(get(`/jobs/${id}/vertices/${vertex}/watermarks`, metricsAnswer, signal), [])),
      ),
      Promise.all(vertices.map((vertex) => perhaps(lag(id, vertex, signal), []))),
    ]);
    return jobSeen({
      job,
      checkpoints,
      restarts: restartsOf(metrics),
      watermarkMs: lowestWatermark(marks),
      sourceLag: lagOf(sums.flat()),
    });
  }

  return {
    async jobs() {
      const signal = AbortSignal.timeout(timeoutMs);
      const overview = await get('/jobs/overview', overviewAnswer, signal);
      return Promise.all(newestJobs(overview).map((id) => seen(id, signal)));
    },
  };
}
