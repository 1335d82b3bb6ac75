/** What a recomputed result must show before ingest believes it, and what its acceptance changes (ADR 13). */
import { begin, createWorld, emit, golden, record, result, type Message, type World } from './test-support/world.js';

let world: World;
beforeEach(async () => {
  world = await createWorld();
}, 60_000);
afterEach(() => world?.close());

interface Request {
  readonly id: string;
  readonly nonce: string;
  readonly state: string;
  readonly source_offset: string | null;
}
const requests = async (): Promise<Request[]> =>
  (await world.pool.query<Request>('select id, nonce, state, source_offset from reprocessing_requests order by id'))
    .rows;
const refusals = async (): Promise<string[]> =>
  (await world.pool.query<{ reason: string }>('select reason from refusals order by id')).rows.map((r) => r.reason);

const conflicting = (): Message => emit('a', 3, {}, { coverage: { '0': [0, 2] }, digest: '7' });
const drop = (seq: number, offset: number): Message => {
  const late = golden('control.late-dropped');
  const payload = late['calculated_value'] as object;
  const calculated_value = { ...payload, source_partition: 0, source_offset: offset };
  return { ...late, run: { id: 'a', subtask: 0 }, seq, business_key: result['business_key'], calculated_value };
};
const { seq: _, ...unnumbered } = emit('reprocessing', 1);
/** The true value, read up to this offset. */
const answer = (request: Request | undefined, upTo: number, over: Message = {}): Message => ({
  ...unnumbered,
  cause: 'REPROCESSED',
  evidence: { events: 3, digest: '9', coverage: { '0': [0, 1] }, max_event_time: '2026-01-05T09:00:01.000Z' },
  reprocessing: { request: request?.id, nonce: request?.nonce, up_to: { '0': upTo } },
  ...over,
});

/** A row that two values were reported for: LOW, and requested. */
async function conflict(): Promise<Request | undefined> {
  await world.deliver(record(0, begin('a', 1)), record(1, emit('a', 2)), record(2, conflicting()));
  expect((await world.rows())[0]).toMatchObject({ cap: 'LOW' });
  return (await requests())[0];
}

test('nobody is believed to have recomputed a result whose request does not exist, is of another key, or is answered', async () => {
  const open = await conflict();
  const strangers = [
    { ...answer(open, 10), reprocessing: undefined },
    answer({ ...(open as Request), id: '999' }, 10),
    answer({ ...(open as Request), nonce: '00000000-0000-4000-8000-000000000000' }, 10),
    answer({ ...(open as Request), nonce: 'not a uuid' }, 10),
    answer(open, 10, { business_key: 'another@2026-01-05T09:00:00.000Z' }),
  ];
  await world.deliver(...strangers.map((message, i) => record(3 + i, message)));
  expect(await world.rows()).toMatchObject([
    { cap: 'LOW', reasons: expect.arrayContaining(['VIOLATION_VALUE_CONFLICT']) },
  ]);
  await world.deliver(record(8, answer(open, 10)), record(9, answer(open, 10)));
  expect(await world.rows()).toMatchObject([{ cap: 'HIGH', reasons: [] }]);
  // The second one of the same batch found it open as well, and changed nothing.
  await world.deliver(
    record(10, answer(open, 10, { calculated_value: { ...(result['calculated_value'] as object), orders_total: 99 } })),
  );
  const { rows } = await world.pool.query(`select calculated_value ->> 'orders_total' as total from results`);
  expect(rows).toEqual([{ total: '3' }]);
  expect((await refusals()).filter((reason) => reason === 'REPROCESSING_UNREQUESTED')).toHaveLength(
    strangers.length + 1,
  );
  expect((await requests()).map((r) => r.state)).toEqual(['DONE']);
  const { rows: events } = await world.pool.query(
    `select type, level_before, level_after from staleness_events where type in ('REPROCESSED', 'CONFIDENCE_RAISED') order by position, ordinal`,
  );
  expect(events).toEqual([
    { type: 'REPROCESSED', level_before: 'LOW', level_after: 'HIGH' },
    { type: 'CONFIDENCE_RAISED', level_before: 'LOW', level_after: 'HIGH' },
  ]);
});

test('a recomputation that has read less than is stored, or less than a dropped event, is refused and stays asked for', async () => {
  const open = await conflict();
  await world.deliver(record(3, answer(open, 2)));
  await world.deliver(record(4, drop(4, 7)));
  await world.deliver(record(5, answer(open, 7)));
  expect(await refusals()).toEqual(['VIOLATION_VALUE_CONFLICT', 'COVERAGE_LESS', 'COVERAGE_LESS']);
  expect(await requests()).toMatchObject([{ state: 'OPEN', source_offset: '7' }]);
  expect((await world.rows())[0]?.cap).toBe('LOW');
  await world.deliver(record(6, answer(open, 8)));
  expect(await world.rows()).toMatchObject([{ cap: 'HIGH', reasons: [] }]);
  // The engine says so once more: the value holds the event.
  await world.deliver(record(7, drop(5, 7)));
  expect(await world.rows()).toMatchObject([{ cap: 'HIGH', reasons: [] }]);
  await world.deliver(record(8, drop(6, 8)));
  expect(await world.rows()).toMatchObject([{ cap: 'LOW', reasons: ['VIOLATION_LATE_DROPPED'] }]);
  expect((await requests()).map((r) => [r.state, r.source_offset])).toEqual([
    ['DONE', '7'],
    ['OPEN', '8'],
  ]);
});

test('an event dropped in the batch of the answer itself is asked for, too', async () => {
  const open = await conflict();
  await world.deliver(record(3, drop(4, 7)), record(4, answer(open, 7)));
  expect((await world.rows())[0]?.cap).toBe('LOW');
  expect(await requests()).toMatchObject([{ state: 'OPEN', source_offset: '7' }]);
});

test('the run stays tainted after a verification, until its state is reset to the verified fold; a forged reset is none', async () => {
  const open = await conflict();
  await world.deliver(record(3, answer(open, 10)));
  const later = (seq: number, over: Message = {}): Message =>
    emit('a', seq, over, { coverage: { '0': [0, seq + 10] } });
  await world.deliver(record(4, later(4)));
  expect((await world.rows())[0]).toMatchObject({
    cap: 'LOW',
    reasons: expect.arrayContaining(['VIOLATION_VALUE_CONFLICT']),
  });
  await world.deliver(record(5, later(5, { state_reset: '00000000-0000-4000-8000-000000000000' })));
  expect((await world.rows())[0]?.cap).toBe('LOW');
  await world.deliver(record(6, later(6, { state_reset: open?.nonce })));
  expect(await world.rows()).toMatchObject([{ cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] }]);
  await world.deliver(record(7, later(7, { state_reset: open?.nonce })));
  expect(await world.rows()).toMatchObject([{ cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] }]);
});

test('a restart does not lower what is emitted from a state that the new run reset', async () => {
  await world.deliver(record(0, begin('a', 1)), record(1, emit('a', 2)));
  const before = '2026-01-05T09:00:02.000Z';
  await world.deliver(record(2, begin('b', 1, 3, before)), record(3, emit('b', 2, {}, { coverage: { '0': [0, 4] } })));
  expect((await world.rows())[0]).toMatchObject({ cap: 'LOW', reasons: ['NO_CHECKPOINT', 'RESTART_DUPLICATION'] });
  const { rows } = await world.pool.query<Request>(
    `insert into reprocessing_requests (kind, business_key, engine, reason, requested_position)
     select kind, business_key, engine, 'RESTART_DUPLICATION', position from results returning id, nonce`,
  );
  await world.deliver(record(4, answer(rows[0], 5)));
  expect(await world.rows()).toMatchObject([{ cap: 'HIGH', reasons: [] }]);
  const reset = { state_reset: rows[0]?.nonce };
  await world.deliver(record(5, emit('b', 3, reset, { coverage: { '0': [0, 6] } })));
  expect(await world.rows()).toMatchObject([{ cap: 'EVENTUALLY_CONSISTENT', reasons: ['NO_CHECKPOINT'] }]);
  // A third run that goes on from a snapshot says nothing of a reset.
  await world.deliver(record(6, begin('c', 1, 7, before)), record(7, emit('c', 2, {}, { coverage: { '0': [0, 8] } })));
  expect((await world.rows())[0]).toMatchObject({
    cap: 'LOW',
    reasons: expect.arrayContaining(['RESTART_DUPLICATION']),
  });
});
