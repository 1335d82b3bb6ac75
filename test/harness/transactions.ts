/** Interleaved Kafka transactions, as written and as Kafka's own console consumer reads them. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Producer, Transaction } from 'kafkajs';
import { mulberry32 } from '../../generator/random.js';
import { transactionalProducer } from './kafka.js';

/** What one of the producers does next. A send outside of a transaction begins one, `plain` uses none. */
export type Step =
  | { readonly does: 'send'; readonly by: number; readonly count: number; readonly key?: string }
  | { readonly does: 'commit' | 'abort'; readonly by: number }
  | { readonly does: 'plain' };

export const PRODUCERS = 3;
/** The last record of every partition: committed, after all that is open was ended. */
export const END = 'end';

/** A schedule of one partition: transactions of all producers, begun and ended in any order. */
export function randomSchedule(seed: number, length: number): Step[] {
  const random = mulberry32(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const open = new Set<number>();
  const steps: Step[] = [];
  while (steps.length < length) {
    const by = below(PRODUCERS);
    const dice = random();
    if (dice < 0.1) steps.push({ does: 'plain' });
    else if (dice < 0.6 || !open.has(by)) {
      open.add(by);
      steps.push({ does: 'send', by, count: 1 + below(3) });
    } else {
      open.delete(by);
      steps.push({ does: dice < 0.9 ? 'abort' : 'commit', by });
    }
  }
  return [...steps, ...[...open].map((by): Step => ({ does: below(2) === 0 ? 'abort' : 'commit', by }))];
}

/** Values say who wrote them, and whether in a transaction: `t…` or `plain…`. */
export class Writers {
  private constructor(
    private readonly topic: string,
    private readonly transactional: readonly Producer[],
    private readonly plain: Producer,
  ) {}

  static async connect(brokers: string, topic: string): Promise<Writers> {
    const ids = Array.from({ length: PRODUCERS }, (_, n) => `writer-${n}`);
    const [plain, ...others] = await Promise.all([null, ...ids].map((id) => transactionalProducer(brokers, id)));
    return new Writers(topic, others, plain as Producer);
  }

  async write(partition: number, steps: readonly Step[]): Promise<void> {
    const open = new Map<number, Transaction>();
    let n = 0;
    for (const step of steps) {
      n += 1;
      if (step.does === 'plain') {
        await this.plain.send({ topic: this.topic, messages: [{ partition, value: `plain ${n}` }] });
        continue;
      }
      const transaction = open.get(step.by) ?? (await this.producer(step.by).transaction());
      if (step.does === 'send') {
        open.set(step.by, transaction);
        const message = (m: number): object => ({ partition, value: `t${step.by} ${n}/${m}`, key: step.key ?? null });
        const messages = Array.from({ length: step.count }, (_, m) => message(m)) as { value: string }[];
        await transaction.send({ topic: this.topic, messages });
      } else {
        open.delete(step.by);
        await transaction[step.does]();
      }
    }
  }

  /** After all of them: whoever has read it has read everything. */
  async end(partitions: readonly number[]): Promise<void> {
    const messages = partitions.map((partition) => ({ partition, value: END }));
    await this.plain.send({ topic: this.topic, messages });
  }

  async disconnect(): Promise<void> {
    await Promise.all([...this.transactional, this.plain].map((producer) => producer.disconnect()));
  }

  private producer(by: number): Producer {
    return this.transactional[by] as Producer;
  }
}

/** `<offset> <value>` of each partition, up to and with its end. */
export type Seen = Record<number, string[]>;

/** What Kafka's own console consumer shows at this isolation level, up to the end of each partition. */
export async function consoleRecords(
  classpath: string,
  brokers: string,
  topic: string,
  partitions: number,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<Seen> {
  const format = ['print.partition=true', 'print.offset=true', 'key.separator= '];
  const java = spawn(
    'java',
    [
      ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classpath],
      ...['org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', brokers, '--topic', topic],
      ...['--from-beginning', '--isolation-level', isolation, '--timeout-ms', '60000'],
      ...format.flatMap((property) => ['--formatter-property', property]),
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const seen: Seen = {};
  const ended = new Set<number>();
  for await (const line of createInterface({ input: java.stdout })) {
    const [, partition, offset, value] = /^Partition:(\d+) Offset:(\d+) (.*)$/.exec(line) ?? [];
    if (value === undefined) throw new Error(`the console consumer said: ${line}`);
    (seen[Number(partition)] ??= []).push(`${offset} ${value}`);
    if (value === END) ended.add(Number(partition));
    if (ended.size === partitions) break;
  }
  java.kill('SIGKILL');
  if (ended.size < partitions) throw new Error(`the console consumer ended after ${ended.size} partitions`);
  return seen;
}
