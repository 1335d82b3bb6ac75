/** A run that has lost its state is told the verified fold (ADR 13), which is here what the server makes of the same records. */
import fc from 'fast-check';
import { Refold } from '../../src/reprocessing/fold.js';
import { resetCommand } from '../../src/reprocessing/message.js';
import { makeParse } from './reset-reader.js';
import { Run } from './run.js';
import { decodeSnapshot, encodeSnapshot } from './snapshot.js';
import { SETTINGS, T0, event, record, startAt } from './testing.js';
import { makeStream, step, truth, type Expected, type Stream } from './testing-stream.js';
import type { LateDroppedPayload, Reset, ResultMessage } from './wire.js';

const newRun = (from: number): Run => {
  const before = { complete: false };
  const starts = [startAt(from, from === 0 ? {} : before)];
  return new Run({ runId: 'r', settings: SETTINGS, resultPartitions: 1, starts, snapshots: new Map(), nowMs: T0 });
};

/** Commands for all results of the stream that have a state, after the first `upTo` records. */
function commands({ records }: Stream, expected: Iterable<Expected>, upTo: number): Reset[] {
  const refold = new Refold(SETTINGS);
  const all = [...expected].map(({ kind, key, symbol }) => {
    return { kind, wanted: { businessKey: key, symbol, partitions: new Set([0]) } };
  });
  for (const { kind, wanted } of all) refold.want(kind, wanted);
  for (const one of records.slice(0, upTo)) refold.take(0, one);
  return all.flatMap(({ kind, wanted }) => {
    const answer = refold.answer(kind, wanted);
    const asked = { id: '1', nonce: `n-${wanted.businessKey}`, pipeline: 'p', engine: 'KAFKA_ONLY' as const };
    if (answer === null || answer.op === 'delete') return [];
    return resetCommand({ ...asked, kind, businessKey: wanted.businessKey, revision: 1 }, answer, { '0': upTo }) ?? [];
  });
}

interface Said {
  readonly message: ResultMessage;
  readonly at: number;
}

function drain(run: Run, at: number, said: Map<string, Said[]>, dropped: Set<string>): void {
  for (const { value } of run.outbox.peek(Infinity)) {
    const message = JSON.parse(value) as ResultMessage;
    const { kind, business_key: key, calculated_value: payload } = message;
    if (kind === '_late_dropped') dropped.add(`${(payload as unknown as LateDroppedPayload).kind}/${key}`);
    if (!kind.startsWith('_')) said.set(`${kind}/${key}`, [...(said.get(`${kind}/${key}`) ?? []), { message, at }]);
  }
  run.outbox.ack(run.outbox.size);
}

const isRight = ({ message: { evidence, op } }: Said, expected: Expected): boolean =>
  evidence?.events === expected.events && evidence.digest === expected.digest && (op === 'delete') === expected.deleted;

const part = fc.nat(100);

test('wherever a run lost its state, and whenever it hears of the fold: from then on it says what is true, and by which fold', () => {
  const seen = { healed: 0, wrongBefore: 0, ahead: 0, behind: 0 };
  const steps = fc.array(step, { minLength: 5, maxLength: 50, size: 'max' });
  fc.assert(
    fc.property(steps, part, part, part, (some, lostAt, readTo, heardAt) => {
      const stream = makeStream(some);
      const { length } = stream.records;
      const from = Math.floor((length * lostAt) / 150);
      const upTo = from + Math.floor(((length - from) * readTo) / 100);
      const heard = from + Math.floor(((length - from) * heardAt) / 100);
      seen[upTo > heard ? 'ahead' : 'behind']++;
      const expected = truth(stream);
      const told = commands(stream, expected.values(), upTo);
      const run = newRun(from);
      const said = new Map<string, Said[]>();
      const dropped = new Set<string>();
      for (let i = from; i < length; i++) {
        if (i === heard) for (const command of told) run.reset(command, T0 + i * 400);
        run.onRecords(0, stream.records.slice(i, i + 1), T0 + i * 400);
        drain(run, i, said, dropped);
      }
      run.flush(T0);
      drain(run, length, said, dropped);
      for (const { kind, business_key: key, nonce } of told) {
        const id = `${kind}/${key}`;
        const all = said.get(id) ?? [];
        const first = all.findIndex(({ message }) => message.state_reset === nonce);
        if (first < 0) continue;
        // Nothing is said from the old state any more, and the last word is true.
        expect(all.slice(first).filter(({ message }) => message.state_reset !== nonce)).toEqual([]);
        const e = expected.get(id);
        if (e === undefined || dropped.has(id)) continue;
        const last = all.at(-1)!;
        expect([id, isRight(last, e)]).toEqual([id, true]);
        seen.healed++;
        if (first > 0 && !isRight(all[first - 1]!, e)) seen.wrongBefore++;
      }
    }),
    { numRuns: 400 },
  );
  for (const [what, count] of Object.entries(seen)) expect([what, count > 20]).toEqual([what, true]);
}, 60_000);

const commandFor = (orders: readonly ReturnType<typeof event>[], upTo: number): Reset => {
  const records = orders.map((order, offset) => record(offset, order));
  const stream = { records, events: [...orders] };
  const [window] = commands(stream, truth(stream).values(), upTo);
  return window!;
};
const last = (run: Run): ResultMessage =>
  JSON.parse(
    run.outbox.peek(Infinity).findLast(({ value }) => value.includes('"order_window"'))!.value,
  ) as ResultMessage;

test('a closed window, one of another length, another partition: nothing is replaced', () => {
  const orders = [event(), event()];
  const command = commandFor(orders, 2);
  const run = newRun(0);
  orders.forEach((order, i) => run.onRecords(0, [record(i, order)], T0));
  run.onRecords(0, [record(2, event({ symbol: 'G001', atMs: T0 + 600_000 }))], T0);
  run.outbox.ack(run.outbox.size);
  run.reset(command, T0);
  run.reset({ ...command, source_partition: 1 }, T0);
  const other = { ...command, state: { ...command.state, window_end: '2026-01-05T10:00:00.000Z' } };
  run.reset(other, T0);
  run.flush(T0);
  expect(run.outbox.size).toBe(0);
});

test('a state that has gone on for longer than its events are remembered stays what it is', () => {
  const orders = [event(), event()];
  const run = newRun(0);
  for (let i = 0; i < 5_000; i++) run.onRecords(0, [record(i, orders[i] ?? event({ symbol: 'G001', op: 'u' }))], T0);
  run.reset(commandFor(orders, 2), T0);
  run.onRecords(0, [record(5_000, event())], T0 + 5_000);
  expect(last(run)).not.toHaveProperty('state_reset');
});

test('a snapshot does not carry the fold on: the next run has not folded on from it without a gap', () => {
  const orders = [event(), event()];
  const run = newRun(0);
  orders.forEach((order, i) => run.onRecords(0, [record(i, order)], T0));
  run.reset(commandFor(orders, 2), T0);
  run.onRecords(0, [record(2, event())], T0 + 5_000);
  expect(last(run)).toMatchObject({ state_reset: expect.any(String), evidence: { events: 3 } });
  const text = encodeSnapshot(run.partitions.get(0)!, SETTINGS.sourceTopic, new Set());
  expect(decodeSnapshot(text, SETTINGS.sourceTopic, 0)?.windows).toMatchObject([{ buy: 3, resetBy: null }]);
});

test('what is no command for this engine is none', () => {
  const parse = makeParse();
  const command = commandFor([event()], 1);
  const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  expect(parse(text(command))).toEqual(command);
  for (const value of [{ ...command, processing_engine: 'FLINK' }, { ...command, up_to: -1 }, 7, null])
    expect(parse(text(value))).toBeNull();
  expect(parse(Buffer.from('{'))).toBeNull();
  expect(parse(null)).toBeNull();
});
