import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { EachBatchPayload } from 'kafkajs';
import { Processor, type Parts } from './processor.js';
import { Sender } from './sender.js';
import { SETTINGS, T0, event } from './testing.js';

const RECORDS = 6_000;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-processor-'));
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
});
afterEach(() => {
  jest.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

test('while the broker confirms nothing, the member goes on beating, folds no more, and stops beating when the batch is done', async () => {
  let confirm: () => void = () => undefined;
  const send = jest.fn(() => new Promise<void>((resolve) => (confirm = resolve)));
  const topics = [{ topic: 'orders.events', partitions: [{ partition: 0, offset: '-1', metadata: null }] }];
  const bounds = [{ partition: 0, offset: String(RECORDS), low: '0', high: String(RECORDS) }];
  const fatal = (error: unknown): void => {
    throw error;
  };
  const parts = {
    config: { settings: SETTINGS, stateDir: folder, ordersInMemory: 100_000, group: 'g', resultTopic: 'r' },
    consumer: { pause: () => undefined, resume: () => undefined, seek: () => undefined },
    admin: {
      fetchOffsets: () => Promise.resolve(topics),
      fetchTopicOffsets: () => Promise.resolve(bounds),
    },
    sender: new Sender({ send } as never, 'r', fatal),
    files: { read: () => Promise.resolve(null) },
    log: { info: () => undefined, warn: () => undefined },
    now: () => T0,
    newRunId: () => 'run-1',
    fatal,
  } as unknown as Parts;
  const processor = new Processor(parts);
  processor.onJoin([0]);
  await turns(10);

  const resolved: string[] = [];
  let beats = 0;
  const messages = Array.from({ length: RECORDS }, (_, offset) => {
    const symbol = `S${offset % 2_000}`;
    return {
      offset: String(offset),
      key: Buffer.from(symbol),
      value: Buffer.from(JSON.stringify(event({ symbol }))),
      timestamp: String(T0),
    };
  });
  let done = false;
  const batch = processor
    .onBatch({
      batch: { topic: 'orders.events', partition: 0, messages, fetchedOffset: '0' },
      heartbeat: () => Promise.resolve(void (beats += 1)),
      resolveOffset: (offset: string) => void resolved.push(offset),
      isStale: () => false,
      isRunning: () => true,
    } as unknown as EachBatchPayload)
    .then(() => (done = true));
  await turns(200);
  // Far more results than the outbox takes are waiting, and the one request on its way is not confirmed.
  const held = [resolved.length, send.mock.calls.length];
  expect(held[0]).toBeLessThan(RECORDS / 250);
  const before = beats;
  jest.advanceTimersByTime(10_000);
  await turns(10);
  expect([beats - before, resolved.length, send.mock.calls.length, done]).toEqual([10, ...held, false]);

  while (!done) {
    confirm();
    await turns(5);
  }
  await batch;
  expect(resolved.at(-1)).toBe(String(RECORDS - 1));
  const after = beats;
  jest.advanceTimersByTime(10_000);
  await turns(10);
  expect(beats).toBe(after);
}, 60_000);
