/** A person replays or dismisses dead letters: each once, however often and wherever it is asked; then confidence returns. */
import { createProofSource, monotonicMs, postgresClockRead } from '../contract/proof.js';
import { AppError } from '../errors.js';
import type { LogRecord } from '../log/port.js';
import { createPostgresLedgers } from '../stores/postgres/ledgers.js';
import { createPostgresReader } from '../stores/postgres/read.js';
import type { StoredDeadLetter } from '../stores/port.js';
import { decode, letterOf } from './decode.js';
import { createDesk, type DeskOptions, type SourceMessage } from './desk.js';
import {
  begin,
  createWorld,
  emit,
  golden,
  heartbeat,
  PIPELINE,
  record,
  reported,
  TOPIC,
  type World,
} from './test-support/world.js';

const LOST = { lost: { '0': [5] } };
const EVENT = JSON.stringify(golden('event.flat'));
const DEAD = ['NO_CHECKPOINT', 'VIOLATION_DEAD_LETTER'];

let world: World;
let sent: SourceMessage[];
beforeEach(async () => {
  world = await createWorld();
  sent = [];
});
afterEach(() => world.close());

const deskOf = (over: Partial<DeskOptions> = {}) =>
  createDesk({
    pool: world.pool,
    highest: world.highest,
    engines: new Map([[TOPIC, 'KAFKA_ONLY']]),
    sourceTopic: 'orders.events',
    send: (_, message) => {
      sent.push(message);
      return Promise.resolve({ partition: 0, offset: 19n + BigInt(sent.length) });
    },
    ...over,
  });
const letters = async (): Promise<readonly StoredDeadLetter[]> =>
  [...(await createPostgresLedgers(world.pool).deadLetters({ limit: 100 }))].reverse();
const states = async (): Promise<unknown[]> =>
  (await letters()).map(({ id, state, settledAt }) => [Number(id), state, settledAt !== null]);
const reasons = async (): Promise<unknown[]> => (await world.rows()).map((row) => [row.business_key, row.reasons]);
const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

describe('a source record', () => {
  beforeEach(() =>
    world.deliver(
      record(0, begin('a', 1)),
      record(1, reported('a', 2, 5, 'K')),
      record(2, emit('a', 3, { business_key: 'held' }, LOST)),
      record(3, emit('a', 4, { business_key: 'free' })),
    ),
  );
  const beat = (offset: number, seq: number, next: number): Promise<void> =>
    world.deliver(record(offset, heartbeat('a', seq, next)));

  test('is written again once, and only when its pipeline has counted it confidence returns, in every store', async () => {
    const desk = deskOf();
    await Promise.all([desk.replay([1n], EVENT), deskOf().replay([1n], EVENT)]);
    await desk.replay([1n], EVENT);
    expect(sent).toEqual([
      {
        key: golden('event.flat')['symbol'],
        value: Buffer.from(EVENT),
        headers: { 'tidemark-replay-of': 'orders.events/0@5' },
      },
    ]);
    await beat(4, 5, 20);
    await desk.settle();
    expect([await states(), await reasons()]).toEqual([
      [[1, 'REPLAYED', false]],
      [
        ['free', ['NO_CHECKPOINT']],
        ['held', DEAD],
      ],
    ]);
    await beat(5, 6, 21);
    await Promise.all([desk.settle(), deskOf().settle()]);
    await desk.settle();
    expect(await states()).toEqual([[1, 'REPLAYED', true]]);
    expect((await letters())[0]).toMatchObject({ replayPartition: 0, replayOffset: 20n });
    expect(await reasons()).toEqual([
      ['free', ['NO_CHECKPOINT']],
      ['held', ['NO_CHECKPOINT']],
    ]);
    // One transition, in the commit log like every change, and nothing is left to recompute.
    const events = await world.pool.query(
      `select business_key, level_before, level_after from staleness_events where type = 'CONFIDENCE_RAISED'`,
    );
    expect(events.rows).toEqual([{ business_key: 'held', level_before: 'LOW', level_after: 'EVENTUALLY_CONSISTENT' }]);
    const log = await world.pool.query<{ keys: unknown; count: number }>(
      'select keys, document_count as count from commit_log where document_count > 0 order by position desc limit 1',
    );
    expect(log.rows).toEqual([
      { keys: [['order_window', 'held', 'KAFKA_ONLY', 'EVENTUALLY_CONSISTENT', ['NO_CHECKPOINT']]], count: 1 },
    ]);
    expect((await world.pool.query('select * from reprocessing_requests')).rows).toEqual([]);
    // The engine goes on naming it: that is no longer held against anything.
    await world.deliver(
      record(6, emit('a', 7, { business_key: 'held' }, { ...LOST, coverage: { '0': [0, 30] } })),
      record(7, emit('a', 8, { business_key: 'new' }, LOST)),
    );
    expect(await reasons()).toEqual([
      ['free', ['NO_CHECKPOINT']],
      ['held', ['NO_CHECKPOINT']],
      ['new', ['NO_CHECKPOINT']],
    ]);
  });

  test('what was there before it, and is open, is lowered as long as it is not settled, by the proof of the very position', async () => {
    await world.deliver(
      record(4, emit('a', 5, { business_key: 'before' }, { coverage: { '0': [4, 4] } })),
      record(5, emit('a', 6, { business_key: 'behind' }, { coverage: { '0': [6, 6] } })),
    );
    const proofs = createProofSource({
      read: postgresClockRead(world.pool),
      monotonicMs,
      horizon: { positions: 100, keys: 100 },
      timeoutMs: 5_000,
      highest: world.highest,
      onRewound: () => undefined,
    });
    const held = async (): Promise<unknown[]> => {
      const { letters: open } = await proofs.prove();
      const keys = ['before', 'behind'].map(
        (businessKey) => ({ kind: 'order_window', businessKey, engine: 'KAFKA_ONLY' }) as const,
      );
      const { data } = await createPostgresReader(world.pool).readMany(keys);
      return data.map((row) => row !== null && open.holdsRow({ ...row, calculatedValue: { symbol: 'K' } }, TOPIC));
    };
    expect([await held(), await held()]).toEqual([
      [true, false],
      [true, false],
    ]);
    await deskOf().replay([1n], EVENT);
    expect(await held()).toEqual([true, false]);
    await beat(6, 7, 21);
    await deskOf().settle();
    expect(await held()).toEqual([false, false]);
  });

  test('a late drop of the replay stays held against the result: what came too late is not repaired by saying so', async () => {
    const desk = deskOf();
    await desk.replay([1n], EVENT);
    const dropped = { ...golden('control.late-dropped'), run: { id: 'a', subtask: 0 }, seq: 5, business_key: 'held' };
    await world.deliver(record(4, dropped), record(5, heartbeat('a', 6, 21)));
    await desk.settle();
    expect((await world.rows()).find((row) => row.business_key === 'held')).toMatchObject({
      cap: 'LOW',
      reasons: ['NO_CHECKPOINT', 'VIOLATION_LATE_DROPPED'],
    });
  });

  test('a crash after it was sent leaves the letter open: replayed again, the same event is written again', async () => {
    const crash = deskOf({
      hook: () => {
        throw new Error('killed');
      },
    });
    await expect(crash.replay([1n], EVENT)).rejects.toThrow('killed');
    expect(await states()).toEqual([[1, 'OPEN', false]]);
    await deskOf().replay([1n], EVENT);
    expect([sent.length, sent[0], await states()]).toEqual([2, sent[1], [[1, 'REPLAYED', false]]]);
  });

  test('a broker that does not take it leaves the letter open', async () => {
    const desk = deskOf({ send: () => Promise.reject(new Error('down')) });
    await expect(desk.replay([1n], EVENT)).rejects.toThrow('down');
    expect(await states()).toEqual([[1, 'OPEN', false]]);
  });

  test('dismissed, nothing is held against results for it; twice changes nothing, and there is nothing left to replay', async () => {
    const desk = deskOf();
    await Promise.all([desk.dismiss([1n]), deskOf().dismiss([1n])]);
    const at = await world.clock();
    await desk.dismiss([1n]);
    await desk.replay([1n]);
    expect([await states(), await reasons(), await world.clock(), sent]).toEqual([
      [[1, 'DISMISSED', true]],
      [
        ['free', ['NO_CHECKPOINT']],
        ['held', ['NO_CHECKPOINT']],
      ],
      at,
      [],
    ]);
  });

  test('a server that ended between the decision and its effect is finished by any other', async () => {
    await world.pool.query(`update dead_letters set state = 'DISMISSED', settled_position = 1, changed_position = 1`);
    expect(await reasons()).toContainEqual(['held', DEAD]);
    await deskOf().settle();
    expect(await reasons()).toContainEqual(['held', ['NO_CHECKPOINT']]);
  });

  test('one replay is for all pipelines that reported the record', async () => {
    await world.pool
      .query(`insert into dead_letters (position, changed_position, topic, partition, record_offset, cause, message, truncated, reported_by)
      values (1, 1, 'orders.events', 0, 5, 'BAD_JSON', '', false, 'another')`);
    await deskOf().replay([1n], EVENT);
    await deskOf().replay([2n], EVENT);
    expect([sent.length, (await letters()).map((letter) => letter.replayOffset)]).toEqual([1, [20n, 20n]]);
  });

  test('confidence waits for everything of the Kafka key up to the record that is named, and for each that is named', async () => {
    await world.deliver(
      record(4, reported('a', 5, 4, 'K')),
      record(5, reported('a', 6, 6, 'L')),
      record(6, emit('a', 7, { business_key: 'both' }, { lost: { '0': [5, 6] } })),
      record(7, emit('a', 8, { business_key: 'nobody' }, { lost: { '0': [77] } })),
    );
    const desk = deskOf();
    const held = async (): Promise<unknown[]> =>
      (await world.rows()).flatMap((row) => (row.cap === 'LOW' ? [row.business_key] : []));
    expect(await held()).toEqual(['both', 'held', 'nobody']);
    await desk.dismiss([1n]);
    expect(await held()).toEqual(['both', 'held', 'nobody']);
    await desk.dismiss([2n]);
    expect(await held()).toEqual(['both', 'nobody']);
    await desk.dismiss([3n]);
    expect(await held()).toEqual(['nobody']);
  });

  test.each<[string, bigint[], string | undefined, string]>([
    ['as it is: it is as undecodable as it was', [1n], undefined, 'DEAD_LETTER_UNDECODABLE'],
    ['with something that is no event', [1n], '{}', 'DEAD_LETTER_UNDECODABLE'],
    ['that is not there, with one that is', [1n, 99n], undefined, 'DEAD_LETTER_UNKNOWN'],
    ['with another, by one payload', [1n, 2n], EVENT, 'DEAD_LETTER_NOT_MENDABLE'],
    ['of which only the beginning is kept', [2n], undefined, 'DEAD_LETTER_TRUNCATED'],
    ['of another topic', [3n], EVENT, 'DEAD_LETTER_UNREPLAYABLE'],
  ])('is not replayed %s; nothing is sent', async (_, ids, payload, code) => {
    await world.pool
      .query(`insert into dead_letters (position, changed_position, topic, partition, record_offset, cause, message, truncated, reported_by)
      values (1, 1, 'orders.events', 0, 6, 'TOO_LARGE', '', true, '${PIPELINE}'), (1, 1, 'other', 0, 6, 'BAD_JSON', '', false, '${PIPELINE}')`);
    expect([await codeOf(deskOf().replay(ids, payload)), sent]).toEqual([code, []]);
    expect((await letters()).map(({ state }) => state)).toEqual(['OPEN', 'OPEN', 'OPEN']);
  });
});

describe('a record of a result topic', () => {
  /** As an older server: it does not know what the records at these offsets say. */
  const older =
    (...unknown: number[]): typeof decode =>
    (entry, place, ordinal) =>
      unknown.includes(Number(entry.offset))
        ? {
            type: 'dead-letter',
            letter: letterOf(entry, place, 'SCHEMA_INVALID', 'unknown to this version'),
            record: null,
          }
        : decode(entry, place, ordinal);
  const feed = async (unknown: number[], ...records: LogRecord[]): Promise<void> => {
    const ingest = await world.another({ decode: older(...unknown) });
    await ingest.handle({ topic: TOPIC, partition: 0, records, transactional: false });
  };

  test('is taken in by a server that can decode it, once; the log goes on where it was', async () => {
    await feed([1], record(0, begin('a', 1)), record(1, emit('a', 2, { business_key: 'late' })));
    expect([await reasons(), await states()]).toEqual([[], [[1, 'OPEN', false]]]);
    await Promise.all([deskOf().replay([1n]), deskOf().replay([1n])]);
    await deskOf().replay([1n]);
    expect([await reasons(), await states(), await world.clock(), sent]).toEqual([
      [['late', ['NO_CHECKPOINT']]],
      [[1, 'REPLAYED', true]],
      2,
      [],
    ]);
    const offsets = await world.pool.query('select next_offset::int as next from ingest_offsets');
    expect(offsets.rows).toEqual([{ next: 2 }]);
  });

  test('does not take back a newer one of its key', async () => {
    await feed(
      [1],
      record(0, begin('a', 1)),
      record(1, emit('a', 1, { kind: 'custom', calculated_value: { n: 'older' } })),
      record(2, emit('a', 2, { kind: 'custom', calculated_value: { n: 'newer' } })),
    );
    await deskOf().replay([1n]);
    const values = await world.pool.query(`select calculated_value ->> 'n' as n from results`);
    expect([values.rows, await states()]).toEqual([[{ n: 'newer' }], [[1, 'REPLAYED', true]]]);
  });

  test('a late drop lowers its result all the same; where a run begins was true at its place only', async () => {
    const dropped = { ...golden('control.late-dropped'), run: { id: 'a', subtask: 0 }, seq: 3, business_key: 'w' };
    await feed(
      [2, 3],
      record(0, begin('a', 1)),
      record(1, emit('a', 2, { business_key: 'w', final: true })),
      record(2, dropped, 'w'),
      record(3, begin('b', 1), 'orders.events/0'),
    );
    expect(await codeOf(deskOf().replay([1n, 2n]))).toBe('DEAD_LETTER_UNREPLAYABLE');
    expect([await reasons(), await states()]).toEqual([
      [['w', ['NO_CHECKPOINT']]],
      [
        [1, 'OPEN', false],
        [2, 'OPEN', false],
      ],
    ]);
    await deskOf().replay([1n]);
    expect(await reasons()).toEqual([['w', ['NO_CHECKPOINT', 'VIOLATION_LATE_DROPPED']]]);
    expect(await codeOf(deskOf().replay([2n], EVENT))).toBe('DEAD_LETTER_NOT_MENDABLE');
  });

  test('an unknown schema waits with nothing skipped, and goes on with a server that knows it', async () => {
    const batch = [
      record(0, begin('a', 1)),
      record(1, { ...emit('a', 2), schema: 2 }),
      record(2, emit('a', 3)),
    ] as const;
    expect(await codeOf(world.deliver(...batch))).toBe('SCHEMA_UNKNOWN');
    expect([await world.clock(), await letters()]).toEqual([0, []]);
    const upgraded = await world.another({
      decode: (entry, place, ordinal) =>
        decode(
          { ...entry, value: Buffer.from(entry.value?.toString().replace('"schema":2', '"schema":1') ?? '') },
          place,
          ordinal,
        ),
    });
    await upgraded.handle({ topic: TOPIC, partition: 0, records: batch, transactional: false });
    const offsets = await world.pool.query('select next_offset::int as next from ingest_offsets');
    expect([offsets.rows, (await world.rows()).length]).toEqual([[{ next: 3 }], 1]);
  });

  test('while dead letters can not be written nothing goes on and nothing is skipped', async () => {
    const batch = [record(0, begin('a', 1)), record(1, '{broken'), record(2, emit('a', 2))] as const;
    await world.pool.query('alter table dead_letters rename to away');
    await expect(world.deliver(...batch)).rejects.toThrow('dead_letters');
    expect([await world.clock(), await world.rows()]).toEqual([0, []]);
    await world.pool.query('alter table away rename to dead_letters');
    await world.deliver(...batch);
    expect([await states(), (await world.rows()).length]).toEqual([[[1, 'OPEN', false]], 1]);
  });
});
