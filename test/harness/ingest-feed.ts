/** Result records of one Kafka-only run, made so that a record taken in twice, or never, can be seen in what is stored. */
import { readFileSync } from 'node:fs';
import kafkajs, { type Producer } from 'kafkajs';

const TOPIC = 'results.kafka-only';
const PARTITIONS = 4;
/** Records of a partition in one produced batch: what a fetch brings at least. */
const ROUND = 8;

type Json = Record<string, unknown>;
const golden = (name: string): Json =>
  JSON.parse(readFileSync(new URL(`../../wire/golden/${name}.json`, import.meta.url), 'utf8')) as Json;
const ASSIGNMENT = golden('control.assignment');
const RESULT = golden('result.kafka-only');
const RUN = { id: 'feed', subtask: 0, lineage: [] };

export interface Sent {
  readonly businessKey: string;
  readonly revision: number;
  readonly value: Json;
}

/** What has been sent, as plain data: the expectation that shares no code with what is tested. */
export class Feed {
  /** In the order of the log. */
  readonly sent: Sent[] = [];
  /** Per partition, the offsets of what nobody can read. */
  readonly broken: string[] = [];
  /** Keys of which one record was late: each is told once. */
  readonly late = new Set<string>();
  readonly ends = [0, 0, 0, 0];
  private readonly seqs = [0, 0, 0, 0];
  private readonly revisions = new Map<string, number>();
  private rounds = 0;
  private readonly producer: Producer;

  constructor(brokers: string) {
    const { Kafka, logLevel, Partitioners } = kafkajs;
    const kafka = new Kafka({ clientId: 'feed', brokers: [brokers], logLevel: logLevel.NOTHING });
    // Idempotent: a batch that is sent again after a cut is in the log once, or the expectation would be wrong.
    this.producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
  }

  async start(): Promise<void> {
    await this.producer.connect();
    await this.send((partition) => [this.assignment(partition)]);
  }

  stop(): Promise<void> {
    return this.producer.disconnect();
  }

  /** So many batches of eight records to every partition, each batch in one piece. */
  async produce(count: number, filler = 0): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.rounds += 1;
      await this.send((partition) => this.round(partition, filler));
    }
  }

  private async send(make: (partition: number) => string[]): Promise<void> {
    const messages = [0, 1, 2, 3].flatMap((partition) =>
      make(partition).map((value) => ({ partition, key: 'k', value })),
    );
    await this.producer.send({ topic: TOPIC, acks: -1, messages });
    for (const { partition } of messages) this.ends[partition]! += 1;
  }

  private assignment(partition: number): string {
    const value = {
      source_topic: 'orders.events',
      source_partition: partition,
      start_offset: 0,
      log_start_offset: 0,
      max_event_time_before: null,
    };
    return JSON.stringify({ ...ASSIGNMENT, run: RUN, seq: this.seq(partition), calculated_value: value });
  }

  private seq(partition: number): number {
    return (this.seqs[partition]! += 1);
  }

  private round(partition: number, filler: number): string[] {
    const { rounds } = this;
    const own = `P${partition}`;
    return [
      // Once only: missing if it is skipped, twice in the commit log if it is taken in twice.
      ...[0, 1, 2].map((i) => this.result(partition, `${own}-ONCE-${rounds}-${i}`, 'IN_ORDER', filler)),
      // Many revisions, in many batches.
      ...[0, 1, 2].map((i) => this.result(partition, `${own}-MANY-${i}`, 'IN_ORDER', filler)),
      // The first record comes now (or never, if it is unreadable), a late one ten rounds later.
      this.result(
        partition,
        `${own}-LATE-${rounds > 10 ? rounds - 10 : `${rounds}-first`}`,
        rounds > 10 ? 'LATE' : 'IN_ORDER',
        0,
      ),
      rounds % 5 === 0 ? this.unreadable(partition) : this.result(partition, `${own}-LATE-${rounds}`, 'IN_ORDER', 0),
    ];
  }

  private unreadable(partition: number): string {
    this.broken.push(`${partition}/${this.ends[partition]! + ROUND - 1}`);
    return '{"schema": 1, "kind":';
  }

  private result(partition: number, name: string, cause: 'IN_ORDER' | 'LATE', filler: number): string {
    const businessKey = `${name}@2026-01-05T09:00:00.000Z`;
    const revision = (this.revisions.get(businessKey) ?? 0) + 1;
    this.revisions.set(businessKey, revision);
    const seq = this.seq(partition);
    const value = {
      ...(RESULT['calculated_value'] as Json),
      symbol: name,
      orders_total: seq,
      ...(filler > 0 && { filler: 'x'.repeat(filler) }),
    };
    if (cause === 'LATE') this.late.add(businessKey);
    this.sent.push({ businessKey, revision, value });
    const evidence = {
      events: seq,
      digest: String(seq),
      duplicates_dropped: 0,
      coverage: { [partition]: [0, seq] },
      max_event_time: '2026-01-05T09:00:00.004Z',
    };
    return JSON.stringify({
      ...RESULT,
      business_key: businessKey,
      run: RUN,
      seq,
      revision,
      cause,
      evidence,
      calculated_value: value,
    });
  }
}

export const FEED_TOPIC = TOPIC;
export const FEED_PARTITIONS = PARTITIONS;
