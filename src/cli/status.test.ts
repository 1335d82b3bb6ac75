import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { askServer, renderStatus } from './status.js';

const topics = [{ topic: 'orders.events', partitions: [{ partition: 0, low: 5, high: 12 }] }];

test('a server that is down is said in a sentence, and the topics are still shown', async () => {
  const status = await askServer('http://127.0.0.1:1/graphql', 1_000);
  expect(status.kind).toBe('down');
  const screen = renderStatus(status, topics, { data: '/elsewhere', sizes: null });
  expect(screen).toContain('No data of a stack in /elsewhere');
  expect(screen).toContain('The server at http://127.0.0.1:1/graphql does not answer');
  expect(screen).toMatch(/orders\.events.*7.*0:12/);
});

test('Kafka being down hides nothing of what the server says', async () => {
  const stores = [{ store: 'MONGODB', healthy: true, appliedPosition: '41', behindBy: '1', stalenessMs: 12 }];
  const pipelines = [
    { name: 'orders-kafka-only', engine: 'KAFKA_ONLY', run: 'r1', state: 'RUNNING', watermark: null, sourceLag: '3' },
  ];
  const data = { serverInfo: { version: '0.1.0', position: '42', time: null }, stores, pipelines };
  const server = createServer((_, response) => response.end(JSON.stringify({ data })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const status = await askServer(`http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`, 1_000);
  await new Promise((resolve) => server.close(resolve));
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
