import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/harness/eventually.js';
import { digestOf } from '../install/flink-job.js';
import { FLINK_JOB } from '../settings.js';
import { jobArguments } from './arguments.js';
import { CheckpointFolder, newest, removable, type Saved } from './checkpoints.js';
import { JobControl } from './control.js';
import { decide, JobKeeper } from './keeper.js';
import { FlinkRest, isRunning, type JobOverview } from './rest.js';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const C = 'c'.repeat(32);
const D = 'd'.repeat(32);

const work = mkdtempSync(join(tmpdir(), 'tidemark-flink-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const saved = (job: string | null, number: number | null, completedMs: number): Saved => ({
  path: `/${job}/${number}`,
  job,
  number,
  completedMs,
});
const job = (jid: string, state: string, running = 4, ended = -1): JobOverview => ({
  jid,
  name: 'orders-flink',
  state,
  'start-time': 0,
  'end-time': ended,
  tasks: { total: 4, running },
});

describe('what is resumed from', () => {
  test('the newest in time, whatever its job and number; at one time the higher number', () => {
    expect(newest([])).toBeNull();
    expect(newest([saved(A, 100, 10), saved(B, 51, 20)])).toEqual(saved(B, 51, 20));
    expect(newest([saved(A, 9, 10), saved(A, 10, 10)])).toEqual(saved(A, 10, 10));
    expect(newest([saved(A, 9, 10), saved(null, null, 11)])).toEqual(saved(null, null, 11));
  });

  test('only what is complete counts, in folders of jobs and savepoints alone', () => {
    const root = join(work, 'found');
    const put = (path: string, seconds: number | null): void => {
      mkdirSync(join(root, path), { recursive: true });
      if (seconds === null) return;
      writeFileSync(join(root, path, '_metadata'), '');
      utimesSync(join(root, path, '_metadata'), seconds, seconds);
    };
    const folder = new CheckpointFolder(root);
    expect(folder.newest()).toBeNull();
    put(`${A}/chk-7`, 100);
    put(`${A}/chk-8`, null);
    put(`${A}/shared`, 900);
    put('somebody-elses/chk-99', 900);
    expect(folder.newest()).toMatchObject({ path: join(root, A, 'chk-7'), number: 7 });
    put(`${B}/chk-2`, 200);
    expect(folder.newest()?.path).toBe(join(root, B, 'chk-2'));
    expect([A, B, C].map((one) => folder.newestOf(one))).toEqual([7, 2, 0]);
    put('savepoints/savepoint-bbbbbb-1', 300);
    expect(folder.newest()?.path).toBe(join(root, 'savepoints', 'savepoint-bbbbbb-1'));
  });

  test('of folders of older jobs the two newest stay, and all of them until the running job can be resumed from', () => {
    const all = [saved(A, 1, 10), saved(B, 2, 20), saved(C, 3, 30)];
    expect(removable(all, [A, B, C, D], D)).toEqual([]);
    expect(removable([...all, saved(D, 4, 40)], [A, B, C, D], D)).toEqual([A]);
    // Never completed one: of no use.
    expect(removable([saved(A, 1, 10), saved(D, 4, 40)], [A, B, C, D], D)).toHaveLength(1);
    expect(removable([saved(A, 1, 10), saved(B, 1, 11), saved(D, 4, 40)], [A, B, C, D], D)).toEqual([C]);
    const root = join(work, 'tidied');
    for (const [n, one] of [A, B, C, D].entries()) {
      mkdirSync(join(root, one, 'chk-1'), { recursive: true });
      writeFileSync(join(root, one, 'chk-1', '_metadata'), '');
      utimesSync(join(root, one, 'chk-1', '_metadata'), n + 1, n + 1);
    }
    new CheckpointFolder(root).tidy(D);
    expect(readdirSync(root).sort()).toEqual([B, C, D]);
  });
});

describe('whether the job is submitted', () => {
  test('when the JobManager knows none, or the last has failed; not when somebody ended it', () => {
    expect(decide([])).toBe('submit');
    expect(decide([job(A, 'FAILED', 0, 5)])).toBe('submit-again');
    expect(decide([job(A, 'CANCELED', 0, 5)])).toBe('leave');
    expect(decide([job(A, 'FINISHED', 0, 5)])).toBe('leave');
    for (const state of ['CREATED', 'INITIALIZING', 'RUNNING', 'RESTARTING', 'FAILING', 'CANCELLING'])
      expect([state, decide([job(A, state), job(B, 'FAILED', 0, 5)])]).toEqual([state, 'leave']);
    expect(decide([job(A, 'FAILED', 0, 5), job(B, 'CANCELED', 0, 6)])).toBe('leave');
  });

  test('RUNNING is not running while a task still restores its state', () => {
    expect(isRunning(job(A, 'RUNNING', 3))).toBe(false);
    expect(isRunning(job(A, 'RUNNING', 4))).toBe(true);
    expect(isRunning(job(A, 'RESTARTING', 4))).toBe(false);
  });

  test('its arguments are the stack’s, unless the environment says otherwise', () => {
    const own = { KAFKA_BROKERS: 'b:1' };
    const pairs = (env: Record<string, string>): Record<string, string> =>
      Object.fromEntries(jobArguments(own, env).map((argument) => argument.split('=') as [string, string]));
    expect(pairs({})).toEqual({ ...FLINK_JOB, ...own });
    expect(pairs({ FLINK_PARALLELISM: '3', KAFKA_BROKERS: 'other:1' })).toMatchObject({
      FLINK_PARALLELISM: '3',
      KAFKA_BROKERS: 'b:1',
    });
  });
});

/** As the JobManager answers. */
class Fake {
  jobs: JobOverview[] = [];
  readonly runs: Record<string, unknown>[] = [];
  uploads = 0;
  refuse = 0;
  private readonly files: { id: string; name: string }[] = [];
  private server: Server | undefined;

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const [status, body] = this.answer(request.method ?? '', request.url ?? '', Buffer.concat(chunks).toString());
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => this.server?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<unknown> {
    this.server?.closeAllConnections();
    return new Promise((resolve) => this.server?.close(resolve));
  }

  private answer(method: string, url: string, body: string): [number, unknown] {
    if (url === '/jobs/overview') return [200, { jobs: this.jobs }];
    if (url === '/jars') return [200, { files: this.files }];
    if (url === '/jars/upload') {
      this.uploads += 1;
      const name = /filename="([^"]+)"/.exec(body)?.[1] ?? '';
      this.files.push({ id: `x_${name}`, name });
      return [200, { filename: `/tmp/x_${name}` }];
    }
    if (url.endsWith('/exceptions?maxExceptions=1'))
      return [
        200,
        { exceptionHistory: { entries: [{ stacktrace: 'a.JobException: no\nCaused by: b.BadException: why' }] } },
      ];
    if (method === 'POST' && url.endsWith('/run')) {
      const run = JSON.parse(body) as { jobId: string };
      this.runs.push(run);
      if (this.refuse-- > 0) return [500, { errors: ['x\nCaused by: java.io.IOException: no topic'] }];
      this.jobs = [...this.jobs, job(run.jobId, 'RUNNING')];
      return [200, { jobid: run.jobId }];
    }
    return [404, { errors: [`${method} ${url}`] }];
  }
}

describe('the keeper', () => {
  let fake: Fake;
  let keeper: JobKeeper;
  let control: JobControl;
  let root: string;
  const said: string[] = [];
  beforeEach(async () => {
    fake = new Fake();
    said.length = 0;
    root = mkdtempSync(join(work, 'keeper-'));
    mkdirSync(join(root, 'flink-job-1'));
    const jar = join(root, 'flink-job-1', 'job.jar');
    writeFileSync(jar, 'jar');
    const parts = {
      rest: new FlinkRest(await fake.start()),
      checkpoints: new CheckpointFolder(root),
      jar,
      args: ['A=1'],
    };
    keeper = new JobKeeper({ ...parts, say: (sentence) => said.push(sentence) });
    control = new JobControl({ ...parts, keeper });
  });
  afterEach(async () => {
    await keeper.stop();
    await fake.stop();
  });
  const complete = (id: string, number: number): string => {
    const path = join(root, id, `chk-${number}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, '_metadata'), '');
    return path;
  };

  test('submits from the beginning at first, from the newest checkpoint after the JobManager forgot it, and uploads once', async () => {
    keeper.start();
    await keeper.untilRunning(20_000);
    expect(fake.runs).toEqual([{ jobId: fake.jobs[0]?.jid, programArgsList: ['A=1'] }]);
    const path = complete(fake.jobs[0]?.jid ?? '', 12);
    fake.jobs = [];
    await eventually(() => expect(fake.runs[1]).toMatchObject({ savepointPath: `file://${path}` }), {
      timeoutMs: 20_000,
    });
    expect(fake.runs[1]?.['jobId']).not.toBe(fake.runs[0]?.['jobId']);
    expect(fake.uploads).toBe(1);
  });

  test('a submission that failed is made again under the same id, and said once', async () => {
    fake.refuse = 2;
    keeper.start();
    await keeper.untilRunning(30_000);
    expect(new Set(fake.runs.map(({ jobId }) => jobId)).size).toBe(1);
    expect(said).toEqual([expect.stringContaining('500 java.io.IOException: no topic')]);
  });

  test('a job that failed is submitted again as another, with the reason', async () => {
    keeper.start();
    await keeper.untilRunning(20_000);
    fake.jobs = [job(fake.jobs[0]?.jid ?? '', 'FAILED', 0, 5)];
    await eventually(() => expect(fake.runs).toHaveLength(2), { timeoutMs: 20_000 });
    expect(fake.runs[1]?.['jobId']).not.toBe(fake.runs[0]?.['jobId']);
    expect(said).toEqual(['the Flink job has failed and is submitted again: b.BadException: why']);
  });

  test('a stop that the JobManager did not do leaves the job in its keeping', async () => {
    keeper.start();
    await keeper.untilRunning(20_000);
    await expect(control.stopWithSavepoint()).rejects.toThrow('404');
    fake.jobs = [];
    await eventually(() => expect(fake.runs).toHaveLength(2), { timeoutMs: 20_000 });
  });
});

test('the jar is named by what it is built from: sources and poms, not tests nor what Maven makes', () => {
  const sources = join(work, 'sources');
  const put = (path: string, text: string): string => {
    mkdirSync(join(sources, path, '..'), { recursive: true });
    writeFileSync(join(sources, path), text);
    return digestOf(sources);
  };
  put('pom.xml', '1');
  const first = put('job/src/main/java/A.java', 'a');
  expect(put('job/src/test/java/ATest.java', 'x')).toBe(first);
  expect(put('job/target/src/main/A.class', 'x')).toBe(first);
  expect(put('README.md', 'x')).toBe(first);
  expect(put('job/src/main/java/A.java', 'b')).not.toBe(first);
  expect(put('job/src/main/java/A.java', 'a')).toBe(first);
  expect(put('job/pom.xml', 'x')).not.toBe(first);
});
