import { FakeRest } from './test-support/fake-rest.js';
import { CHECKPOINTS, JOB, JOB_DETAIL, OVERVIEW, SINK, SOURCE } from './test-support/recorded.js';
import { createFlinkRest } from './rest.js';

let rest: FakeRest;
beforeEach(async () => (rest = await FakeRest.start()));
afterEach(() => rest.stop());
const only = async () => (await createFlinkRest(`${rest.url}/`, 5_000).jobs())[0];

test("a real JobManager's answers are read: triggers while tasks were not running are no failures", async () => {
  expect(await createFlinkRest(rest.url, 5_000).jobs()).toEqual([
    {
      id: JOB,
      name: 'orders-flink',
      state: 'RUNNING',
      completedCount: 280,
      completed: { id: 506, durationMs: 88, sizeBytes: 110_315 },
      underWayMs: null,
      ended: [{ id: 506, failed: false, endedAtMs: 1_795_278_742_281 }],
      restarts: 0,
      watermarkMs: 1_795_278_367_333,
      sourceLag: 17,
    },
  ]);
});

test('of failed checkpoints those count that failed by themselves; one under way is timed by the JobManager', async () => {
  const failed = (id: number, failure_message: string) => ({
    ...{ id, status: 'FAILED', trigger_timestamp: 1_000, failure_timestamp: 4_000 + id, failure_message },
  });
  const expired = failed(7, 'Checkpoint expired before completing.');
  rest.answers.set(`/jobs/${JOB}/checkpoints`, {
    ...CHECKPOINTS,
    latest: { completed: null, failed: expired },
    history: [
      { id: 9, status: 'IN_PROGRESS', trigger_timestamp: JOB_DETAIL.now - 1_500 },
      failed(8, 'Not all required tasks are currently running.'),
      expired,
    ],
  });
  expect(await only()).toMatchObject({
    completed: null,
    underWayMs: 1_500,
    ended: [{ id: 7, failed: true, endedAtMs: 4_007 }],
  });
});

test('a job whose tasks are still starting is not running; of one name the newest living job is taken', async () => {
  const [job] = OVERVIEW.jobs;
  const old = { ...job, jid: 'old', 'start-time': 1, state: 'RUNNING' };
  const ended = { ...job, jid: 'ended', 'start-time': 1_795_278_431_020, state: 'CANCELED' };
  rest.answers.set('/jobs/overview', { jobs: [old, ended, job] });
  const vertices = [...JOB_DETAIL.vertices.slice(1), { id: SOURCE, name: 'Source', status: 'INITIALIZING' }];
  rest.answers.set(`/jobs/${JOB}`, { ...JOB_DETAIL, vertices });
  expect((await createFlinkRest(rest.url, 5_000).jobs()).map(({ id, state }) => [id, state])).toEqual([
    [JOB, 'STARTING'],
  ]);
});

test('figures that come and go with the tasks may be missing; NaN and the smallest long are no watermark', async () => {
  rest.answers.delete(`/jobs/${JOB}/metrics?get=numRestarts`);
  rest.answers.delete(`/jobs/${JOB}/vertices/${SOURCE}/subtasks/metrics`);
  rest.answers.set(`/jobs/${JOB}/vertices/${SINK}/watermarks`, [
    { id: '0.currentInputWatermark', value: 'NaN' },
    { id: '1.currentInputWatermark', value: '-9223372036854775808' },
  ]);
  expect(await only()).toMatchObject({ restarts: null, sourceLag: null, watermarkMs: null, completedCount: 280 });
});

test('what is none of Flink, a silent one and one that is away are failures within the limit', async () => {
  const asked = () => createFlinkRest(rest.url, 200).jobs();
  rest.answers.set(`/jobs/${JOB}/checkpoints`, { hello: 'there' });
  await expect(asked()).rejects.toThrow();
  rest.answers.delete(`/jobs/${JOB}`);
  await expect(asked()).rejects.toThrow('404');
  rest.silent = true;
  await expect(asked()).rejects.toThrow(/timeout|aborted/i);
  await expect(createFlinkRest('http://127.0.0.1:1', 2_000).jobs()).rejects.toThrow();
});
