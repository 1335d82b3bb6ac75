/** From the record of a topic to the response that shows it, as spans; and none where nobody asked for them. */
import { context, propagation, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-node';
import { position } from '../position/position.js';
import { createMemoryModel } from '../stores/memory.js';
import type { Applied, Change } from '../stores/port.js';
import { appliedAt, committedAt } from '../server/testing/fake-store.js';
import { contextOf, createTraces, type Traces } from './traces.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;

let exporter: InMemorySpanExporter;
let provider: NodeTracerProvider;
let traces: Traces;
beforeEach(() => {
  exporter = new InMemorySpanExporter();
  provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  traces = createTraces(provider.getTracer('test'));
});
afterEach(async () => {
  await provider.shutdown();
  trace.disable();
  context.disable();
  propagation.disable();
});

const span = (name: string): ReadableSpan => {
  const found = exporter.getFinishedSpans().find((own) => own.name === name);
  if (found === undefined) throw new Error(`no span ${name}`);
  return found;
};
const record = (offset: number, traceparent?: string) => ({
  offset: BigInt(offset),
  key: 'secret-key',
  value: Buffer.from('secret-payload'),
  timestampMs: 0,
  ...(traceparent === undefined ? {} : { traceparent }),
});
const change = (at: number): Change => ({
  position: position(at),
  nonce: `n${at}`,
  predecessor: `n${at - 1}`,
  incarnation: 'inc-1',
  committedAt: committedAt(at),
  documents: [],
});

/** One batch that is committed at a position. */
async function ingest(at: number, traceparent?: string): Promise<void> {
  const handler = traces.ingest({
    start: async () => 0n,
    handle: async () => traces.committed(BigInt(at), 3),
  });
  await handler.handle({
    topic: 'results.flink',
    partition: 2,
    records: [record(7, traceparent), record(8)],
    transactional: true,
  });
}

test('a batch is linked to the traces of its records, its projection and the responses that show it to the batch', async () => {
  await ingest(41, PARENT);
  const committed = span('ingest');
  expect(committed.links.map(({ context }) => context.traceId)).toEqual([TRACE]);
  expect(committed.attributes).toMatchObject({
    'messaging.destination.name': 'results.flink',
    'messaging.batch.message_count': 2,
    'tidemark.position': '41',
    'tidemark.rows': 3,
  });
  const applied: Applied[] = [];
  const model = { ...createMemoryModel(), apply: async (_: readonly Change[], to: Applied) => void applied.push(to) };
  await traces.projection(model).apply([change(40), change(41)], appliedAt(41));
  expect(applied).toEqual([appliedAt(41)]);
  expect(span('project').links.map(({ context }) => context)).toEqual([committed.spanContext()]);
  expect(span('project').attributes).toMatchObject({ 'tidemark.store': 'MONGODB', 'tidemark.positions': 2 });
  await traces.request(
    { traceparent: PARENT },
    () => [41n, 41n, 7n],
    async () => 'answer',
  );
  const answered = span('graphql');
  expect([answered.spanContext().traceId, answered.parentSpanContext?.spanId]).toEqual([TRACE, 'b7ad6b7169203331']);
  expect(answered.links.map(({ context }) => context)).toEqual([committed.spanContext()]);
  // Neither payloads nor keys.
  expect(
    JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes, links }) => [name, attributes, links])),
  ).not.toContain('secret');
});

test('what fails is told by its code, not by its sentence, and is thrown on', async () => {
  const error = Object.assign(new Error('secret sentence'), { code: 'STORE_UNAVAILABLE' });
  await expect(
    traces.request(
      {},
      () => [],
      () => Promise.reject(error),
    ),
  ).rejects.toBe(error);
  expect(span('graphql').status).toEqual({ code: 2, message: 'STORE_UNAVAILABLE' });
});

test('a traceparent that is none is no trace, and a request without one begins its own', async () => {
  for (const broken of ['', 'x', '00-0-0-00', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])
    expect(contextOf(broken)).toBeNull();
  await ingest(1, 'nonsense');
  expect(span('ingest').links).toEqual([]);
  await traces.request(
    { traceparent: 'nonsense' },
    () => [],
    async () => null,
  );
  expect(span('graphql').parentSpanContext).toBeUndefined();
});

test('so many commits are remembered, and no more', async () => {
  for (let at = 1; at <= 10_001; at++) await ingest(at);
  exporter.reset();
  await traces.request(
    {},
    () => [1n, 2n, 10_001n],
    async () => null,
  );
  expect(span('graphql').links.map(({ attributes }) => attributes?.['tidemark.position'])).toEqual(['2', '10001']);
});
