/** The JobManager's REST interface, as far as the stack needs it. */
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { pause } from '../process/wait.js';

export interface JobOverview {
  readonly jid: string;
  readonly name: string;
  readonly state: string;
  readonly 'start-time': number;
  readonly 'end-time': number;
  readonly tasks: { readonly total: number; readonly running: number };
}

export interface CheckpointFacts {
  readonly counts: { readonly completed: number; readonly failed: number; readonly in_progress: number };
  readonly latest: {
    readonly completed: {
      readonly id: number;
      readonly external_path: string;
      readonly end_to_end_duration: number;
    } | null;
    readonly failed: { readonly id: number; readonly failure_message: string | null } | null;
    readonly restored: { readonly id: number; readonly external_path: string } | null;
  };
}

/** What one submission says. */
export interface Submission {
  /** Chosen by who submits, so that one whose answer was lost is not made twice. 32 hexadecimal digits. */
  readonly jobId: string;
  readonly args: readonly string[];
  /** Checkpoint or savepoint to resume from; null: from the beginning. */
  readonly from: string | null;
}

const REQUEST_MS = 10_000;
/** The job's `main` runs in the JobManager, and asks Kafka. */
const SUBMIT_MS = 60_000;
const SAVEPOINT_MS = 90_000;
const ENDED: readonly string[] = ['FINISHED', 'CANCELED', 'FAILED'];

export const hasEnded = (job: JobOverview): boolean => ENDED.includes(job.state);
/** RUNNING alone is said while its tasks are still restoring their state. */
export const isRunning = ({ state, tasks }: JobOverview): boolean =>
  state === 'RUNNING' && tasks.total > 0 && tasks.running === tasks.total;

export class FlinkRest {
  constructor(readonly url: string) {}

  async jobs(): Promise<readonly JobOverview[]> {
    return (await this.ask<{ jobs: JobOverview[] }>('/jobs/overview')).jobs;
  }

  checkpoints(jobId: string): Promise<CheckpointFacts> {
    return this.ask(`/jobs/${jobId}/checkpoints`);
  }

  /** What ended the job, or made it begin again, last. */
  async problem(jobId: string): Promise<string | null> {
    const { exceptionHistory } = await this.ask<{
      exceptionHistory?: { entries: { stacktrace: string }[] };
    }>(`/jobs/${jobId}/exceptions?maxExceptions=1`);
    const trace = exceptionHistory?.entries[0]?.stacktrace;
    if (trace === undefined) return null;
    // The outermost is about the restart strategy.
    const causes = [...trace.matchAll(/^(?:Caused by: )?([\w.$]+(?:Exception|Error)\b.*)$/gm)].map(([, text]) => text);
    return causes.at(-1) ?? trace.split('\n')[0] ?? null;
  }

  /** @returns the id of the job; uploads the jar unless this JobManager has it */
  async submit(jar: string, { jobId, args, from }: Submission): Promise<string> {
    const { jobid } = await this.ask<{ jobid: string }>(
      `/jars/${await this.jarId(jar)}/run`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jobId, programArgsList: args, ...(from === null ? {} : { savepointPath: from }) }),
      },
      SUBMIT_MS,
    );
    return jobid;
  }

  async cancel(jobId: string): Promise<void> {
    await this.ask(`/jobs/${jobId}?mode=cancel`, { method: 'PATCH' });
  }

  /** @returns where it lies */
  savepoint(jobId: string): Promise<string> {
    return this.awaited(jobId, 'savepoints', { 'cancel-job': false });
  }

  /** Everything up to the savepoint has been committed when it returns. @returns where it lies */
  stopWithSavepoint(jobId: string): Promise<string> {
    return this.awaited(jobId, 'stop', { drain: false });
  }

  private async awaited(jobId: string, what: 'savepoints' | 'stop', body: object): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    const begun = await this.ask<{ 'request-id': string }>(`/jobs/${jobId}/${what}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const end = performance.now() + SAVEPOINT_MS;
    while (performance.now() < end) {
      const { status, operation } = await this.ask<{
        status: { id: string };
        operation?: { location?: string; 'failure-cause'?: { class: string } };
      }>(`/jobs/${jobId}/savepoints/${begun['request-id']}`);
      if (operation?.location !== undefined) return operation.location;
      if (status.id === 'COMPLETED')
        throw new Error(`no savepoint: ${operation?.['failure-cause']?.class ?? 'unknown'}`);
      await pause(200);
    }
    throw new Error(`no savepoint within ${SAVEPOINT_MS / 1000} s`);
  }

  private async jarId(path: string): Promise<string> {
    // Named by its digest: two jobs of different sources have different names.
    const name = path.split('/').slice(-2).join('-');
    const { files } = await this.ask<{ files: { id: string; name: string }[] }>('/jars');
    const known = files.find((file) => file.name === name);
    if (known !== undefined) return known.id;
    const form = new FormData();
    form.append('jarfile', await openAsBlob(path, { type: 'application/java-archive' }), name);
    const { filename } = await this.ask<{ filename: string }>(
      '/jars/upload',
      { method: 'POST', body: form },
      SUBMIT_MS,
    );
    return basename(filename);
  }

  /** @throws Error with what the JobManager says */
  private async ask<T>(path: string, init: RequestInit = {}, timeoutMs = REQUEST_MS): Promise<T> {
    const response = await fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    const text = await response.text();
    if (response.ok) return (text === '' ? {} : JSON.parse(text)) as T;
    throw new Error(`${init.method ?? 'GET'} ${path.replace(/\?.*/, '')}: ${response.status} ${reasonIn(text)}`);
  }
}

/** Of the stack traces that it answers with, the sentence that says why. */
function reasonIn(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: string[] };
    const trace = (errors ?? []).join('\n');
    const causes = [...trace.matchAll(/Caused by: (.*)$/gm)].map(([, cause]) => cause);
    return causes.at(-1) ?? trace.split('\n')[0] ?? '';
  } catch {
    return text.slice(0, 200);
  }
}
