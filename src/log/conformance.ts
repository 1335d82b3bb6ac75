/** What every log consumer must do, as tests: the one over kafkajs runs this suite, and the one of the simulation (port.ts). */
import { AppError } from '../errors.js';
import type { LogBatch, LogConsumer, LogExtent, LogHandler } from './port.js';

/** One partition, empty at first, with records of its own. */
export interface LogSubject {
  /** Appends these values, each so that it is fetched on its own. */
  append(...values: string[]): Promise<void>;
  /** Removes all records below the offset, as retention would. */
  cut(below: bigint): Promise<void>;
  /** A member of the group; another group is of its own. Begins without a commit. */
  consumer(group?: string): LogConsumer;
  /** Until it holds; fails when that takes too long. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** A handler that writes down what it is told, and begins where it stands. */
class Reader implements LogHandler {
  readonly starts: { readonly extent: LogExtent; readonly from: bigint }[] = [];
  readonly values: string[] = [];
  readonly blocked: string[] = [];
  /** What came without being asked for: a hole, a step back, or something beside another. */
  readonly wrong: string[] = [];
  /** What is done with a batch besides. */
  onBatch: (values: readonly string[]) => Promise<void> = () => Promise.resolve();
  onStart: (extent: LogExtent) => void = () => undefined;
  private next: bigint | null = null;
  private committed = 0n;
  private busy = false;

  start(_topic: string, _partition: number, extent: LogExtent): Promise<bigint> {
    this.next = null;
    this.onStart(extent);
    const from = this.committed;
    this.starts.push({ extent, from });
    this.next = from;
    return Promise.resolve(from);
  }

  async handle({ records }: LogBatch): Promise<void> {
    if (this.busy) this.wrong.push('two batches at once');
    this.busy = true;
    try {
      const values = records.map(({ value }) => value?.toString() ?? 'null');
      for (const { offset } of records) {
        if (offset !== this.next) this.wrong.push(`${offset} instead of ${this.next}`);
        this.next = offset + 1n;
      }
      await this.onBatch(values);
      this.values.push(...values);
      this.committed = this.next ?? 0n;
    } finally {
      this.busy = false;
    }
  }

  onBlocked(_topic: string, _partition: number, error: Error): void {
    this.blocked.push(error.message);
  }
}

/** Something that holds up whoever passes it, until it is opened. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}

const unmendable = (message: string): AppError =>
  new AppError('INGEST_GAP', message, { retryable: false, outcome: 'none' });

export function describeLogConsumer(name: string, factory: () => Promise<LogSubject>, timeoutMs = 5_000): void {
  const claim = (title: string, body: (subject: LogSubject) => Promise<void>): void =>
    test(
      title,
      async () => {
        const subject = await factory();
        try {
          await body(subject);
        } finally {
          await subject.close();
        }
      },
      timeoutMs,
    );

  /** A member that reads on its own: what it does not wait for must not hold up the test. */
  function reading(subject: LogSubject, reader: Reader, group?: string): LogConsumer {
    const consumer = subject.consumer(group);
    void consumer.run(reader);
    return consumer;
  }

  describe(`${name} as a consumer of the log`, () => {
    claim(
      'it asks where to begin before it delivers anything, and delivers from there on in order',
      async (subject) => {
        await subject.append('a', 'b', 'c');
        const reader = new Reader();
        reading(subject, reader);
        await subject.until(() => reader.values.length === 3);
        await subject.append('d');
        await subject.until(() => reader.values.length === 4);
        expect(reader).toMatchObject({ values: ['a', 'b', 'c', 'd'], wrong: [], blocked: [] });
        expect(reader.starts).toEqual([{ extent: { low: 0n, high: 3n }, from: 0n }]);
      },
    );

    claim('what a handler fails on is delivered again, after it was asked where to go on', async (subject) => {
      await subject.append('a', 'b', 'c');
      const reader = new Reader();
      let failures = 0;
      reader.onBatch = (values) =>
        values.includes('b') && failures++ < 2 ? Promise.reject(new Error('not now')) : Promise.resolve();
      reading(subject, reader);
      await subject.until(() => reader.values.length === 3);
      expect(reader).toMatchObject({ values: ['a', 'b', 'c'], wrong: [], blocked: [] });
      expect(reader.starts.map(({ from }) => from)).toHaveLength(3);
    });

    claim(
      'what can not be mended blocks the partition: it is said once, and nothing of it goes on',
      async (subject) => {
        await subject.append('a', 'b', 'c');
        const reader = new Reader();
        reader.onBatch = (values) => (values.includes('b') ? Promise.reject(unmendable('no')) : Promise.resolve());
        reading(subject, reader);
        await subject.until(() => reader.blocked.length > 0);
        await subject.append('d');
        // Whoever reads it from the beginning has seen it: the blocked one would have, too.
        const other = new Reader();
        reading(subject, other, 'another');
        await subject.until(() => other.values.length === 4);
        expect(reader.values.filter((value) => value !== 'a')).toEqual([]);
        expect(reader.blocked).toEqual(['no']);
        expect(other.values).toEqual(['a', 'b', 'c', 'd']);
      },
    );

    claim('records that are deleted before they were read are not passed over: it asks again', async (subject) => {
      await subject.append('a');
      const reader = new Reader();
      const { passed, open } = gate();
      reader.onBatch = (values) => (values.includes('a') ? passed : Promise.resolve());
      reader.onStart = ({ low }) => {
        if (low > 0n) throw unmendable(`begins at ${low}`);
      };
      reading(subject, reader);
      await subject.until(() => reader.starts.length === 1);
      try {
        await subject.append('b', 'c', 'd', 'e', 'f', 'g', 'h');
        await subject.cut(7n);
      } finally {
        open();
      }
      await subject.until(() => reader.blocked.length > 0);
      // A fetch may have been under way; then what it brought is delivered first, without a hole.
      expect(reader.wrong).toEqual([]);
      expect(['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, reader.values.length)).toEqual(reader.values);
      expect(reader.blocked).toEqual(['begins at 7']);
    });

    claim('a stop lets the running handler finish, and nothing is delivered after it', async (subject) => {
      await subject.append('a', 'b');
      const reader = new Reader();
      const { passed, open } = gate();
      let entered = false;
      reader.onBatch = () => {
        entered = true;
        return passed;
      };
      const consumer = reading(subject, reader);
      await subject.until(() => entered);
      const stopped = consumer.stop();
      open();
      await stopped;
      expect(reader).toMatchObject({ values: ['a'], wrong: [] });
    });

    claim('when a member leaves, the other one is asked where to begin, and reads on', async (subject) => {
      await subject.append('a', 'b');
      const readers = [new Reader(), new Reader()];
      const [first, second] = readers as [Reader, Reader];
      const consumer = reading(subject, first);
      await subject.until(() => first.values.length === 2);
      await consumer.stop();
      reading(subject, second);
      await subject.append('c');
      await subject.until(() => second.values.includes('c'));
      expect([first.values, second.values]).toEqual([
        ['a', 'b'],
        ['a', 'b', 'c'],
      ]);
      expect([...first.wrong, ...second.wrong]).toEqual([]);
    });
  });
}
