import { describeIngestStore } from '../../../src/ingest/conformance.js';
import { AppError } from '../../../src/errors.js';
import { describeLogConsumer } from '../../../src/log/conformance.js';
import { keyOf } from '../../../src/position/commit-log.js';
import { describeReadModel, type ConformanceSubject } from '../../../src/stores/conformance.js';
import { createMemoryModel } from '../../../src/stores/memory.js';
import { createMemoryClockRead, createMemoryIngestStore, type Call } from './ingest.js';
import { MemoryPostgres } from './postgres.js';
import { createSearchModel, SearchDisk, StoreDisk, travelling } from './stores.js';
import { Link, Process } from '../process.js';
import { Scheduler } from '../scheduler.js';
import { Group, Member } from './consumer.js';
import { Topic } from './topic.js';

const call: Call = async (_point, effect) => {
  await new Promise((resolve) => setImmediate(resolve));
  return effect();
};

describeIngestStore('the Postgres of the simulation', async () => {
  let nonces = 0;
  const db = new MemoryPostgres({ nowUs: () => 1_000, newNonce: () => `nonce ${++nonces}`, partChars: 1_000 });
  return {
    store: createMemoryIngestStore(db, call),
    read: createMemoryClockRead(db, call),
    close: async () => undefined,
  };
});

function subject(search: boolean): ConformanceSubject {
  const disk = search ? new SearchDisk() : new StoreDisk();
  let broken = false;
  const inner = travelling(disk, () => call('', () => undefined));
  const hook: typeof inner = async (step, documents) => {
    await inner(step, documents);
    if (step === 'write' && documents.some(({ calculatedValue }) => 'unacceptable' in calculatedValue)) {
      throw new AppError('CHANGE_REJECTED', 'unacceptable', { retryable: false, outcome: 'none' });
    }
    if (step === 'applied' && broken) throw Object.assign(new Error('broken'), { retryable: true });
  };
  const make = () => {
    if (!(disk instanceof SearchDisk)) return createMemoryModel({ disk, hook });
    const model = createSearchModel({ disk, hook, send: () => call('', () => undefined) });
    // Searchable at once, as the suite of the real one has it.
    return {
      ...model,
      apply: async (...given: Parameters<typeof model.apply>) => {
        await model.apply(...given);
        await model.refresh();
      },
    };
  };
  return {
    model: make(),
    another: make,
    breakApplied: async () => void (broken = true),
    healApplied: async () => void (broken = false),
    wipe: async () => disk.wipe(),
    drop: async () => void (disk.collection = null),
    plant: async (document) => void disk.collection?.set(keyOf(document), document),
    remove: async (key) => void disk.collection?.delete(keyOf(key)),
    garble: () => Promise.reject(new Error('excepted')),
    unacceptable: (base) => ({ ...base, calculatedValue: { unacceptable: true } }),
    close: async () => undefined,
  };
}

const EXCEPTIONS = { 'repair-unreadable': 'they hold results, not what could be taken for one' };
describeReadModel('the majority store of the simulation', async () => subject(false), EXCEPTIONS);
describeReadModel('the search store of the simulation', async () => subject(true), EXCEPTIONS);

/** A limit of virtual time: it costs nothing. */
const LIMIT_MS = 60_000;

describeLogConsumer('the one of the simulation', async () => {
  const sim = new Scheduler(1, false);
  const topic = new Topic('t', () => sim.now);
  const groups = new Map<string, Group>();
  return {
    append: async (...values) => values.forEach((value) => topic.append('k', Buffer.from(value))),
    cut: async (below) => topic.prune(below),
    consumer: (name = 'one') => {
      const group = groups.get(name) ?? new Group(sim, [topic]);
      groups.set(name, group);
      return new Member(group, new Process(sim, `member of ${name}`), new Link('Kafka', 1), 1);
    },
    until: async (condition) => expect(await sim.run(condition, sim.now + LIMIT_MS)).toBe(true),
    close: async () => undefined,
  };
});

test('a reader of committed records sees none of an open or aborted transaction, nor what comes after an open one', () => {
  const topic = new Topic('t', () => 0);
  const [committed, aborted] = [topic.begin(), topic.begin()];
  topic.append('a', Buffer.from('1'), committed);
  topic.append('b', Buffer.from('2'), aborted);
  topic.append('c', Buffer.from('3'));
  const seen = (from: bigint): (string | undefined)[] =>
    (topic.fetch(from, 9)?.records ?? []).map((r) => r.value?.toString());
  expect(seen(0n)).toEqual([]);
  topic.end(aborted, 'aborted');
  expect([seen(0n), topic.extent()]).toEqual([[], { low: 0n, high: 0n }]);
  topic.end(committed, 'committed');
  // One batch is of a transaction, or of none; markers and aborted records use up offsets.
  expect([seen(0n), topic.fetch(0n, 9)?.next, seen(1n), topic.fetch(1n, 9)?.next]).toEqual([['1'], 2n, ['3'], 5n]);
  topic.prune(2n);
  expect([topic.fetch(1n, 9), topic.fetch(2n, 9)?.records.map(({ offset }) => offset)]).toEqual([null, [2n]]);
});
