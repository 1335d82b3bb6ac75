/** A consumer group and its members: partitions move when a member dies, sleeps too long or comes back (src/log/port.ts). */
import { AppError, asError } from '../../../src/errors.js';
import type { LogConsumer, LogHandler } from '../../../src/log/port.js';
import type { Link, Process } from '../process.js';
import type { Scheduler } from '../scheduler.js';
import type { Topic } from './topic.js';

/** A member that was not heard of for so long loses its partitions. Milliseconds. */
const SESSION_MS = 400;
const LOOK_MS = 150;

export class Group {
  readonly members: Member[] = [];
  generation = 0;
  /** Gone for too long; whoever wakes up joins again. */
  private expelled: Member[] = [];

  constructor(
    readonly sim: Scheduler,
    readonly topics: readonly Topic[],
  ) {
    this.watch();
  }

  join(member: Member): void {
    this.members.push(member);
    this.rebalance();
  }

  leave(member: Member): void {
    const at = this.members.indexOf(member);
    if (at < 0) return;
    this.members.splice(at, 1);
    this.rebalance();
  }

  /** Everybody is asked where to read from, once more. */
  rebalance(): void {
    this.generation += 1;
    const { members } = this;
    for (const [i, member] of members.entries()) {
      member.assign(
        this.generation,
        this.topics.filter((_, n) => n % members.length === i),
      );
    }
  }

  private watch(): void {
    for (const member of [...this.members]) {
      if (member.process.running) member.seenAt = this.sim.now;
      else if (this.sim.now - member.seenAt > SESSION_MS) {
        this.leave(member);
        this.expelled.push(member);
      }
    }
    const back = this.expelled.filter(({ process }) => process.running);
    this.expelled = this.expelled.filter(({ process }) => process.alive && !process.running);
    for (const member of back) this.join(member);
    this.sim.after(LOOK_MS, '', () => this.watch());
  }
}

/** The consumer of one server in a group. */
export class Member implements LogConsumer {
  seenAt: number;
  blocked: Error | null = null;
  private handler: LogHandler | null = null;
  private epoch = 0;
  private stopped = false;

  constructor(
    readonly group: Group,
    readonly process: Process,
    private readonly link: Link,
    private readonly batch: number,
  ) {
    this.seenAt = group.sim.now;
  }

  async run(handler: LogHandler): Promise<void> {
    this.handler = handler;
    this.group.join(this);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.group.leave(this);
  }

  /** Told by the group; the process learns of it when it runs. */
  assign(generation: number, topics: readonly Topic[]): void {
    this.process.deliver(() => {
      // Several assignments may have come while it slept: the last one counts.
      if (generation < this.group.generation || this.stopped) return;
      this.epoch = generation;
      for (const topic of topics) void this.consume(topic, generation);
    });
  }

  private current(epoch: number): boolean {
    return !this.stopped && this.epoch === epoch;
  }

  private async consume(topic: Topic, epoch: number): Promise<void> {
    const { handler, process, link } = this;
    if (handler === null) return;
    let next: bigint | null = null;
    let failures = 0;
    while (this.current(epoch)) {
      try {
        if (next === null) {
          const extent = await process.call(link, `${topic.name} extent`, () => topic.extent());
          if (!this.current(epoch)) return;
          const from = await handler.start(topic.name, 0, extent);
          if (!this.current(epoch)) return;
          next = from;
        }
        const from: bigint = next;
        const fetched = await process.call(link, `${topic.name} fetch`, () => topic.fetch(from, this.batch));
        if (!this.current(epoch)) return;
        if (fetched === null) {
          next = null; // cut under it: the handler is asked again, and sees what is left
          continue;
        }
        const { records, transactional } = fetched;
        if (records.length > 0) await handler.handle({ topic: topic.name, partition: 0, records, transactional });
        next = fetched.next;
        failures = 0;
        if (fetched.next === from) await this.more(topic, from);
      } catch (thrown) {
        const error = asError(thrown);
        if (!this.current(epoch)) return;
        this.group.sim.note(`${process.name} ${topic.name} failed: ${error.message}`);
        next = null;
        if (error instanceof AppError && !error.retryable) {
          this.blocked = error;
          handler.onBlocked?.(topic.name, 0, error);
          return;
        }
        await process.sleep(Math.min(20 * 2 ** failures++, 500));
      }
    }
  }

  private more(topic: Topic, from: bigint): Promise<void> {
    if (topic.lastStable > from) return Promise.resolve();
    return new Promise((resolve) => topic.onMore(() => this.process.after(this.link.typicalMs, resolve)));
  }
}
