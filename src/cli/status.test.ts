import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { askServer, renderStatus, type ServerStatus } from './status.js';

const topics = [{ topic: 'orders.events', partitions: [{ partition: 0, low: 5, high: 12 }] }];

test('a server that is down is said in a sentence, and the topics are still shown', async () => {
  const status = await askServer('http://127.0.0.1:1/graphql', 1_000);
  expect(status.kind).toBe('down');
  const screen = renderStatus(status, topics, { data: '/elsewhere', sizes: null });
  expect(screen).toContain('No data of a stack in /elsewhere');
  expect(screen).toContain('The server at http://127.0.0.1:1/graphql does not answer');
  expect(screen).toMatch(/orders\.events.*7.*0:12/);
});

/** Asks a server that answers with these one after another, and with the last one for good. */
async function askedOf(answers: readonly object[]): Promise<{ status: ServerStatus; looks: number }> {
  let looks = 0;
  const server = createServer((_, response) =>
    response.end(JSON.stringify({ data: answers[Math.min(looks++, answers.length - 1)] })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  const status = await askServer(url, 1_000, 1);
  await new Promise((resolve) => server.close(resolve));
  return { status, looks };
}

test('a store that lacks only what came just now is not shown as behind; one that stays where it is, is', async () => {
  const serverInfo = { version: '0.3.0', position: '100', time: '2026-01-05T09:00:10.500Z' };
  const at = (applied: string, behindBy: string) => [
    { store: 'POSTGRES', healthy: true, appliedPosition: '100', behindBy: '0', stalenessMs: 1 },
    { store: 'MONGODB', healthy: true, appliedPosition: applied, behindBy, stalenessMs: 90 },
  ];
  const behind = async (...looks: object[][]) => {
    const { status, looks: asked } = await askedOf(looks.map((stores) => ({ serverInfo, stores, pipelines: [] })));
    if (status.kind !== 'up') throw new Error(status.sentence);
    return [asked, status.stores.map((row) => row['behindBy'])];
  };
  expect(await behind(at('98', '0'))).toEqual([1, ['0', '0']]);
  // It has all that there was at the first look, and the next change is on its way.
  expect(await behind(at('98', '1'), at('103', '1'))).toEqual([2, ['0', '0']]);
  expect(await behind(at('98', '1'), at('99', '1'), at('100', '1'))).toEqual([3, ['0', '0']]);
  expect(await behind(at('98', '1'), at('98', '3'), at('98', '6'))).toEqual([3, ['0', '6']]);
});

test('a line per pipeline with checkpoints: which, how long ago by one clock, how it went', async () => {
  const serverInfo = { version: '0.3.0', position: '100', time: '2026-01-05T09:00:10.500Z' };
  const flink = {
    name: 'orders-flink',
    engine: 'FLINK',
    run: 'r1',
    state: 'RUNNING',
    conditions: ['CHECKPOINTS_FAILING'],
    jobState: 'RUNNING',
    checkpointIntervalMs: 1000,
    lastCheckpointId: '41',
    lastCheckpointSeenTime: '2026-01-05T09:00:09.200Z',
    lastCheckpointDurationMs: 87,
    completedCheckpoints: 40,
    failedCheckpoints: 3,
    restarts: 2,
  };
  const screen = async (...pipelines: object[]) =>
    renderStatus((await askedOf([{ serverInfo, stores: [], pipelines }])).status, topics, {
      data: '/here',
      sizes: null,
    });
  const cells = ['orders-flink', 'RUNNING', '41', '1.3 s', '1000 ms', '87 ms', '40', '3', '2', 'CHECKPOINTS_FAILING'];
  expect(await screen(flink)).toMatch(new RegExp(cells.join('[^\\n]*?')));
  expect(
    await screen({ ...flink, conditions: [], lastCheckpointSeenTime: null, lastCheckpointDurationMs: null }),
  ).toMatch(/orders-flink.*RUNNING.*41.*-.*1000 ms.*-.*40.*3.*2.*-/);
  expect(await screen({ ...flink, engine: 'KAFKA_ONLY' })).not.toContain('checkpoint');
});

test('Kafka being down hides nothing of what the server says', async () => {
  const stores = [{ store: 'MONGODB', healthy: true, appliedPosition: '41', behindBy: '1', stalenessMs: 12 }];
  const pipelines = [
    { name: 'orders-kafka-only', engine: 'KAFKA_ONLY', run: 'r1', state: 'RUNNING', watermark: null, sourceLag: '3' },
  ];
  const data = { serverInfo: { version: '0.1.0', position: '42', time: null }, stores, pipelines };
  const { status } = await askedOf([data]);
  const sizes = [
    { folder: 'kafka', bytes: 3 * 1024 * 1024 },
    { folder: 'logs', bytes: 1 },
  ];
  const screen = renderStatus(status, { sentence: 'Kafka is away.' }, { data: '/here', sizes });
  expect(screen).toMatch(/kafka.*3[\s\S]*logs.*1[\s\S]*all.*4/);
  expect(screen).toContain('Tidemark 0.1.0, position 42');
  expect(screen).toMatch(/MONGODB.*true.*41.*1.*12/);
  expect(screen).toMatch(/orders-kafka-only.*RUNNING.*-.*3/);
  expect(screen).toContain('Kafka is away.');
});
