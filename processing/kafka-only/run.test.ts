import fc from 'fast-check';
import { compileSchema, schemaOf } from '../../wire/validate.js';
import { Run } from './run.js';
import { SETTINGS, T0, event, record, startAt } from './testing.js';
import { partitionOf, type ControlMessage, type ResultMessage } from './wire.js';

const PARTITIONS = 3;
type Sent = ResultMessage<Record<string, never>> & ControlMessage & { readonly seq: number };
const newRun = (start = startAt(0)): Run =>
  new Run({
    runId: 'run-1',
    settings: SETTINGS,
    resultPartitions: PARTITIONS,
    starts: [start],
    snapshots: new Map(),
    nowMs: T0,
  });
const all = (run: Run): { p: number; key: string; m: Sent }[] =>
  run.outbox.peek(Infinity).map((o) => ({ p: o.resultPartition, key: o.key, m: JSON.parse(o.value) as Sent }));
/** What the run has to say, without orders and anomalies unless asked for. */
const drain = (
  run: Run,
  kinds = ['order_window', '_late_dropped', '_dead_letter', '_heartbeat', '_assignment'],
): Sent[] => {
  const messages = all(run).map((x) => x.m);
  run.outbox.ack(messages.length);
  return messages.filter((m) => kinds.includes(m.kind));
};

test('the assignment is the first record of the run in every result partition', () => {
  const run = newRun();
  run.onRecords(0, [record(0, event())], T0);
  for (let p = 0; p < PARTITIONS; p++) {
    const first = all(run).find((x) => x.p === p);
    expect(first?.m).toMatchObject({
      kind: '_assignment',
      seq: 1,
      calculated_value: { source_partition: 0, start_offset: 0 },
    });
  }
});

test('whatever happens, records satisfy the wire schema and are numbered without gaps in each result partition', () => {
  const validate = {
    result: compileSchema('result'),
    control: compileSchema('control'),
    reset: () => false,
    'order-event': () => false,
  };
  const action = fc.oneof(
    fc.record({
      symbol: fc.constantFrom('A', 'B', 'C', 'D'),
      dt: fc.oneof(fc.constant(0), fc.integer({ min: -400_000, max: 200_000 })),
      quantity: fc.constantFrom(1, 501),
      price: fc.constantFrom('100', '104', '106', '200000000'),
      op: fc.constantFrom('c' as const, 'c' as const, 'u' as const, 'd' as const),
    }),
    fc.constantFrom('broken', 'keyless', 'heartbeat', 'tick', 'flush', 'ack', 'tombstone'),
  );
  const kinds = new Set<string>();
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const run = newRun();
      const sent: { p: number; m: Sent }[] = [];
      let offset = 0;
      let nowMs = T0;
      for (const a of actions) {
        nowMs += 300;
        if (typeof a === 'object') run.onRecords(0, [record(offset++, event({ ...a, atMs: nowMs + a.dt }))], nowMs);
        else if (a === 'broken') run.onRecords(0, [record(offset++, '{', 'A', nowMs)], nowMs);
        else if (a === 'keyless') run.onRecords(0, [record(offset++, '[]', null, nowMs)], nowMs);
        else if (a === 'tombstone') run.onRecords(0, [record(offset++, null, 'A', nowMs)], nowMs);
        else if (a === 'heartbeat') run.heartbeat('RUNNING', nowMs);
        else if (a === 'tick') run.tick(nowMs);
        else if (a === 'flush') run.flush(nowMs);
        else {
          sent.push(...all(run));
          run.outbox.ack(run.outbox.size);
        }
      }
      sent.push(...all(run));
      const seqs = new Map<number, number>();
      for (const { p, m } of sent) {
        expect([m.kind, validate[schemaOf(m)](m)]).toEqual([m.kind, true]);
        expect(m.seq).toBe((seqs.get(p) ?? 0) + 1);
        seqs.set(p, m.seq);
        if (m.kind.startsWith('_')) continue;
        kinds.add(m.kind);
        expect(p).toBe(partitionOf((m.calculated_value as unknown as { symbol: string }).symbol, PARTITIONS));
      }
    }),
  );
  expect([...kinds].sort()).toEqual(['anomaly', 'order', 'order_window']);
});

test('a change is emitted at once, the next ones of the key together when its second is over', () => {
  const run = newRun();
  drain(run);
  run.onRecords(0, [record(0, event())], T0);
  expect(drain(run)).toMatchObject([{ revision: 1, evidence: { events: 1 } }]);
  run.onRecords(0, [record(1, event())], T0 + 100);
  run.onRecords(0, [record(2, event())], T0 + 999);
  run.tick(T0 + 999);
  expect(drain(run)).toEqual([]);
  run.tick(T0 + 1_000);
  expect(drain(run)).toMatchObject([{ revision: 2, evidence: { events: 3, coverage: { 0: [0, 2] } }, final: false }]);
  run.tick(T0 + 5_000);
  expect(drain(run)).toEqual([]);
});

test('the last word of a window is final and comes at once', () => {
  const run = newRun();
  run.onRecords(0, [record(0, event())], T0);
  drain(run);
  const closing = event({
    symbol: 'G001',
    atMs: T0 + SETTINGS.windowMs + SETTINGS.latenessMs + SETTINGS.watermarkDelayMs,
  });
  run.onRecords(0, [record(1, closing)], T0 + 10);
  expect(drain(run)[0]).toMatchObject({ business_key: 'G000@2026-01-05T09:00:00.000Z', final: true, revision: 2 });
});

test('a heartbeat counts nothing that is not emitted and confirmed', () => {
  const progress = (run: Run): unknown => {
    run.heartbeat('RUNNING', T0);
    const beat = all(run).findLast((x) => x.m.kind === '_heartbeat')?.m as ControlMessage<'_heartbeat'>;
    return beat.calculated_value.sources?.['0'];
  };
  const run = newRun();
  expect(progress(run)).toEqual({ next_offset: 0, append_time: null, watermark: null });
  run.onRecords(0, [record(0, event(), null, T0 + 1)], T0);
  expect(progress(run)).toMatchObject({ next_offset: 0, append_time: null }); // stamped, not confirmed
  drain(run);
  expect(progress(run)).toMatchObject({ next_offset: 1, append_time: '2026-01-05T09:00:00.001Z' });
  run.onRecords(0, [record(1, event(), null, T0 + 2), record(2, event(), null, T0 + 3)], T0 + 10);
  drain(run);
  expect(progress(run)).toMatchObject({ next_offset: 1, append_time: '2026-01-05T09:00:00.001Z' }); // waits for its second
  run.tick(T0 + 2_000);
  drain(run);
  expect(progress(run)).toMatchObject({ next_offset: 3, append_time: '2026-01-05T09:00:00.003Z' });
});

test('a dead letter carries where it came from, its cause and at most 64 KiB of it', () => {
  const run = newRun();
  drain(run);
  run.onRecords(0, [record(0, `{"a":"${'x'.repeat(100_000)}`, 'G000')], T0);
  const [letter] = drain(run);
  expect(letter).toMatchObject({
    kind: '_dead_letter',
    business_key: 'orders.events/0/0',
    calculated_value: { source_partition: 0, source_offset: 0, kafka_key: 'G000', cause: 'BAD_JSON', truncated: true },
  });
  const payload = (letter?.calculated_value as { payload_base64: string }).payload_base64;
  expect(Buffer.from(payload, 'base64')).toHaveLength(64 * 1024);
});
