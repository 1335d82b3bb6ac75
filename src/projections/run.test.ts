import { eventually } from '../../test/harness/eventually.js';
import { AppError } from '../errors.js';
import { appliedOf, copyOf, History, key, result, type Written } from '../stores/conformance.data.js';
import { createMemoryModel, MemoryDisk, type MemoryHook } from '../stores/memory.js';
import type { Change, ReadModel, StoredResult, Truth } from '../stores/port.js';
import { createProjection, PROJECTION_LIMITS, slices, type Projection } from './run.js';
import { MemoryConsumer, MemoryLog } from './test-support/memory-log.js';
import { recordsOf } from './test-support/records.js';

const unavailable = (): AppError => new AppError('STORE_UNAVAILABLE', 'down', { retryable: true, outcome: 'unknown' });
const rejected = (): AppError => new AppError('CHANGE_REJECTED', 'no', { retryable: false, outcome: 'none' });

/** A Postgres of one history: what it has accepted, and the CDC topic behind it. */
class World {
  readonly log = new MemoryLog();
  readonly disk = new MemoryDisk();
  readonly rows = new Map<string, StoredResult>();
  readonly lines: string[] = [];
  history = new History();
  truthDown = false;
  snapshots = 0;
  hook: MemoryHook = async () => undefined;
  readonly model: ReadModel = createMemoryModel({ disk: this.disk, hook: (...step) => this.hook(...step) });
  private readonly running: Projection[] = [];

  /** Accepted, and not yet in the topic. */
  accept(...written: readonly Written[]): Change {
    const change = this.history.commit(...written);
    for (const document of change.documents) this.rows.set(document.businessKey, document);
    return change;
  }

  publish(change: Change, perPart?: number): void {
    this.log.append(...recordsOf(change, perPart));
  }

  write(...written: readonly Written[]): Change {
    const change = this.accept(...written);
    this.publish(change);
    return change;
  }

  readonly truth: Truth = {
    snapshot: async () => {
      if (this.truthDown) throw new Error('connection refused');
      this.snapshots += 1;
      const { resumeOffset: _, ...clock } = this.history.now();
      return { clock, total: this.rows.size, rows: copyOf([...this.rows.values()]), close: async () => undefined };
    },
  };

  async project(batch = 10): Promise<{ projection: Projection; consumer: MemoryConsumer }> {
    const consumer = new MemoryConsumer(this.log, batch);
    const projection = createProjection({
      model: this.model,
      truth: this.truth,
      consumer,
      limits: { ...PROJECTION_LIMITS, sliceBytes: 2_000 },
      log: (_level, message) => this.lines.push(message),
    });
    this.running.push(projection);
    await projection.start();
    return { projection, consumer };
  }

  /** The store has come as far as Postgres, and holds the same. */
  async converged(): Promise<void> {
    await eventually(async () => {
      const { applied, data } = await this.model.readMany([...this.rows.keys()].map((name) => key(name)));
      expect(applied).toMatchObject({ position: this.history.now().position, incarnation: this.history.incarnation });
      expect(data).toEqual([...this.rows.values()]);
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.running.map((projection) => projection.stop()));
  }
}

let world: World;
beforeEach(() => (world = new World()));
afterEach(() => world.end());

test('an empty store is made from the truth, and the log goes on from there', async () => {
  for (const name of ['a', 'b']) world.write({ businessKey: name });
  const { projection, consumer } = await world.project();
  await world.converged();
  // Nothing below the end of the topic is read: it is all in the copy.
  expect(consumer.started).toEqual([2n]);
  world.write({ businessKey: 'a' });
  await world.converged();
  expect(projection.status()).toEqual({
    store: 'MONGODB',
    state: 'running',
    applied: expect.objectContaining({ position: 3n }),
  });
  expect(world.snapshots).toBe(1);
});

test('records accepted before the copy and published after it are skipped', async () => {
  const late = world.accept({ businessKey: 'a' }, { businessKey: 'b' });
  const { consumer } = await world.project();
  await eventually(() => expect(consumer.started).toEqual([0n]));
  world.publish(late, 1);
  world.write({ businessKey: 'a' });
  await world.converged();
  expect(consumer.failures).toEqual([]);
});

test('a second start resumes where the store says, without a copy', async () => {
  const first = await world.project();
  world.write({ businessKey: 'a' });
  await world.converged();
  await first.projection.stop();
  expect(first.projection.status().state).toBe('stopped');
  const copies = world.lines.length;
  world.write({ businessKey: 'b' });
  const second = await world.project();
  await world.converged();
  expect(second.consumer.started).toEqual([1n]);
  expect(world.lines).toHaveLength(copies);
});

test('parts that straddle batches and a restart are applied once they are whole', async () => {
  const first = await world.project(1);
  await eventually(() => expect(first.consumer.started).toEqual([0n]));
  const small = world.write({ businessKey: 'd' });
  const big = world.accept({ businessKey: 'a' }, { businessKey: 'b' }, { businessKey: 'c' });
  const [one, two, three] = recordsOf(big, 1) as [Buffer, Buffer, Buffer];
  world.log.append(one, two);
  await eventually(() => expect(first.projection.status().applied?.position).toBe(small.position));
  await first.projection.stop();
  expect((await world.model.readMany([key('a')])).data).toEqual([null]);
  const next = await world.project(1);
  world.log.append(three);
  await world.converged();
  // From its first part again: what was in memory is gone.
  expect(next.consumer.started).toEqual([1n]);
});

test('a hole in the log is filled by a copy of the truth', async () => {
  const { projection, consumer } = await world.project();
  world.write({ businessKey: 'a' });
  await world.converged();
  world.accept({ businessKey: 'lost' });
  world.write({ businessKey: 'b' });
  await world.converged();
  expect(consumer.failures).toEqual([expect.objectContaining({ code: 'POSITION_UNKNOWN', retryable: true })]);
  world.write({ businessKey: 'a' });
  await world.converged();
  expect(projection.status()).toMatchObject({ state: 'running' });
  expect(projection.status()).not.toHaveProperty('error');
});

test('a topic that was pruned beyond the resume offset leads to a copy', async () => {
  const first = await world.project();
  world.write({ businessKey: 'a' });
  await world.converged();
  await first.projection.stop();
  for (let n = 0; n < 5; n += 1) world.write({ businessKey: `b${n}` });
  world.log.prune(4n);
  await world.project();
  await world.converged();
});

test('a wiped store is made anew, at a heartbeat already', async () => {
  await world.project();
  world.write({ businessKey: 'a' });
  await world.converged();
  world.disk.wipe();
  world.write();
  await world.converged();
});

test('a refused change blocks, after all before it are applied; nothing is skipped', async () => {
  const { projection, consumer } = await world.project();
  await eventually(() => expect(projection.status().state).toBe('running'));
  world.hook = async (step, documents) => {
    if (step === 'write' && documents.some(({ businessKey }) => businessKey === 'bad')) throw rejected();
  };
  const fine = world.accept({ businessKey: 'a' });
  const bad = world.accept({ businessKey: 'bad' });
  world.log.append(...recordsOf(fine), ...recordsOf(bad), ...recordsOf(world.accept({ businessKey: 'b' })));
  await eventually(() => expect(consumer.blocked).toMatchObject({ code: 'CHANGE_REJECTED' }));
  expect(projection.status()).toMatchObject({
    state: 'blocked',
    error: { code: 'CHANGE_REJECTED' },
    applied: { position: fine.position },
  });
  expect((await world.model.readMany([key('a'), key('b')])).data).toEqual([fine.documents[0], null]);
  expect(world.lines.at(-1)).toContain('blocked');
});

test('an unreadable record blocks, after all before it are applied', async () => {
  const { projection, consumer } = await world.project();
  await eventually(() => expect(projection.status().state).toBe('running'));
  world.log.append(
    ...recordsOf(world.accept({ businessKey: 'a' })),
    Buffer.from('{"op":"u"}'),
    ...recordsOf(world.accept()),
  );
  await eventually(() => expect(consumer.blocked).toMatchObject({ code: 'CDC_RECORD_INVALID' }));
  expect(projection.status()).toMatchObject({ state: 'blocked', applied: { position: 1n } });
});

test('a store that fails is tried again until it answers; the failure is visible meanwhile', async () => {
  const { projection, consumer } = await world.project();
  await eventually(() => expect(projection.status().state).toBe('running'));
  let down = true;
  world.hook = async (step) => {
    if (down && step === 'applied') throw unavailable();
  };
  world.write({ businessKey: 'a' });
  await eventually(() => expect(consumer.failures.length).toBeGreaterThan(3));
  expect(projection.status().error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  down = false;
  await world.converged();
  await eventually(() => expect(projection.status()).not.toHaveProperty('error'));
});

test('a new incarnation of the clock leads to a copy, whether start or log shows it first', async () => {
  const first = await world.project();
  world.write({ businessKey: 'a' }, { businessKey: 'b' });
  await world.converged();
  const renew = (incarnation: string): void => {
    world.history = new History(incarnation, world.history.now().position);
  };
  renew('incarnation-2');
  world.rows.delete('b');
  world.write({ businessKey: 'a' });
  await world.converged();
  expect((await world.model.readMany([key('b')])).data).toEqual([null]);
  await first.projection.stop();
  renew('incarnation-3');
  await world.project();
  await world.converged();
});

test('records of an incarnation that is over are left out', async () => {
  const { consumer } = await world.project();
  await eventually(() => expect(consumer.started).toHaveLength(1));
  const old = new History('incarnation-0', 90);
  for (let n = 0; n < 3; n += 1) world.publish(old.commit({ businessKey: 'old' }));
  world.write({ businessKey: 'a' });
  await world.converged();
  expect(consumer.failures).toEqual([]);
  expect((await world.model.readMany([key('old')])).data).toEqual([null]);
});

test('without Postgres a bound store goes on from the log, and an unbound one waits', async () => {
  const first = await world.project();
  world.write({ businessKey: 'a' });
  await world.converged();
  await first.projection.stop();
  world.truthDown = true;
  world.write({ businessKey: 'b' });
  const { projection, consumer } = await world.project();
  await world.converged();
  world.disk.wipe();
  world.write({ businessKey: 'c' });
  await eventually(() => expect(consumer.failures.length).toBeGreaterThan(2));
  expect(projection.status().error?.message).toContain('connection refused');
  world.truthDown = false;
  await world.converged();
});

test('a log that has a hole after each copy blocks instead of copying for ever', async () => {
  const { projection, consumer } = await world.project();
  await eventually(() => expect(consumer.started).toHaveLength(1));
  for (let round = 0; round < 10 && consumer.blocked === null; round += 1) {
    const starts = consumer.started.length;
    world.accept();
    world.write();
    await eventually(() =>
      expect(consumer.started.length + (consumer.blocked === null ? 0 : 1)).toBeGreaterThan(starts),
    );
    // The copy is at the newest position; the log goes on beyond the next one.
  }
  expect(consumer.blocked).toMatchObject({ code: 'REBUILD_LOOP' });
  expect(projection.status().state).toBe('blocked');
});

test('a clock behind the store is not followed', async () => {
  const first = await world.project();
  for (let n = 0; n < 3; n += 1) world.write({ businessKey: 'a' });
  await world.converged();
  await first.projection.stop();
  world.history = new History('incarnation-1', 1);
  const { projection } = await world.project();
  await eventually(() =>
    expect(projection.status()).toMatchObject({ state: 'starting', error: { code: 'CLOCK_REWOUND' } }),
  );
});

test('a server that comes back as owner goes on from what the other one has applied', async () => {
  const a = await world.project();
  world.write({ businessKey: 'a' });
  await world.converged();
  await a.projection.stop();
  const other = new History('incarnation-1', 1);
  const change = other.commit({ businessKey: 'a' });
  await world.model.apply([change], { ...appliedOf(change), resumeOffset: 2n });
  world.history = other;
  world.rows.set('a', result(change.position, { businessKey: 'a' }));
  world.publish(change);
  const b = await world.project();
  world.write({ businessKey: 'b' });
  await world.converged();
  expect(b.consumer.started).toEqual([2n]);
});

test('slices keep every record, in order, about the wanted size', () => {
  const records = [5, 5, 20, 1, 1].map((size, n) => ({
    offset: BigInt(n),
    key: null,
    value: Buffer.alloc(size),
    timestampMs: 0,
  }));
  const cut = [...slices(records, 10)].map((slice) => slice.map(({ offset }) => Number(offset)));
  expect(cut).toEqual([[0, 1], [2], [3, 4]]);
});
