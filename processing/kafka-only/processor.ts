import type { Admin, Consumer, EachBatchPayload } from 'kafkajs';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import { encodeBefore, startPosition, type StartPosition } from './position.js';
import { BoundedOrders } from './order-memory.js';
import { Run } from './run.js';
import type { Sender } from './sender.js';
import type { SourceRecord } from '../../fold/settings.js';
import type { PartitionSnapshot } from './snapshot.js';
import { SpillFile } from './spill.js';
import type { StateFiles } from './state-files.js';
import type { Reset } from './wire.js';

/** Records folded between two looks at heartbeat and back-pressure. */
const SLICE = 250;
const MAX_OUTBOX = 5_000;
/** kafkajs sends one of these per heartbeat interval at most. */
const BEAT_MS = 1_000;

export interface Parts {
  readonly config: Config;
  readonly consumer: Consumer;
  readonly admin: Admin;
  readonly sender: Sender;
  readonly files: StateFiles;
  readonly log: Logger;
  readonly now: () => number;
  readonly newRunId: () => string;
  readonly fatal: (error: unknown) => void;
}

/** Joins the pure Run to Kafka: one Run per generation of the consumer group. */
export class Processor {
  #run: Run | null = null;
  #generation = 0;
  #stopping = false;
  /** Position last committed, by partition, of the present run. */
  #committed = new Map<number, number>();
  /** A partition that was sent back to its position once; see #follows. */
  #resought = new Map<number, number>();

  constructor(private readonly parts: Parts) {}

  get run(): Run | null {
    return this.#run;
  }

  /** Called inside the consumer's join, before it fetches: the old generation's state ends here. */
  onJoin(partitions: readonly number[]): void {
    const { consumer, config, sender, fatal } = this.parts;
    const generation = ++this.#generation;
    this.#run?.close();
    this.#run = null;
    sender.attach(null);
    consumer.pause([{ topic: config.settings.sourceTopic, partitions: [...partitions] }]);
    this.#begin(partitions, generation).catch(fatal);
  }

  async #begin(partitions: readonly number[], generation: number): Promise<void> {
    const { consumer, config, sender, files, log, now, newRunId } = this.parts;
    const topic = config.settings.sourceTopic;
    const starts = await this.#starts(partitions);
    const resultPartitions = (await this.parts.admin.fetchTopicOffsets(config.resultTopic)).length;
    const snapshots = new Map<number, PartitionSnapshot>();
    for (const partition of partitions) {
      const snapshot = await files.read(partition);
      if (snapshot !== null) snapshots.set(partition, snapshot);
    }
    if (generation !== this.#generation || this.#stopping) return;
    const runId = newRunId();
    const run = new Run({
      runId,
      settings: config.settings,
      resultPartitions,
      starts,
      snapshots,
      nowMs: now(),
      orderMemory: (partition) => {
        const spill = new SpillFile(config.stateDir, `${topic}-${partition}.${runId}`);
        return new BoundedOrders(spill, Math.ceil(config.ordersInMemory / starts.length));
      },
    });
    this.#run = run;
    this.#committed = new Map(starts.map((s) => [s.partition, s.startOffset]));
    this.#resought.clear();
    sender.attach(run.outbox);
    // kafkajs would begin at its own idea of the committed offset: the run begins where it said it does.
    for (const s of starts) consumer.seek({ topic, partition: s.partition, offset: String(s.startOffset) });
    consumer.resume([{ topic, partitions: [...partitions] }]);
    log.info(
      { run: run.id, starts, snapshots: [...snapshots].map(([p, s]) => [p, s.position, s.windows.length]) },
      'run begins',
    );
  }

  async #starts(partitions: readonly number[]): Promise<StartPosition[]> {
    const { admin, config } = this.parts;
    const topic = config.settings.sourceTopic;
    const [committed] = await admin.fetchOffsets({ groupId: config.group, topics: [topic] });
    const log = await admin.fetchTopicOffsets(topic);
    return partitions.map((partition) => {
      const found = committed?.partitions.find((p) => p.partition === partition);
      const bounds = log.find((p) => p.partition === partition);
      if (bounds === undefined) throw new Error(`${topic} has no partition ${partition}`);
      return startPosition({
        partition,
        committed: Number(found?.offset ?? -1),
        metadata: found?.metadata ?? null,
        low: Number(bounds.low),
        high: Number(bounds.high),
      });
    });
  }

  async onBatch(payload: EachBatchPayload): Promise<void> {
    const { heartbeat, isStale, isRunning } = payload;
    const run = this.#run;
    if (run === null || this.#stopping || isStale() || !(await this.#follows(run, payload))) return;
    const mine = (): boolean => run === this.#run && !this.#stopping && isRunning() && !isStale();
    // The broker may take longer to confirm results than a session lasts: a member that works must not lose its partitions, because
    // a new run has to doubt all that the old one touched. What a heartbeat fails with is found out by the next awaited one.
    const beating = setInterval(() => void heartbeat().catch(() => undefined), BEAT_MS);
    try {
      await this.#fold(run, payload, mine);
    } finally {
      clearInterval(beating);
    }
  }

  async #fold(run: Run, { batch, heartbeat, resolveOffset }: EachBatchPayload, mine: () => boolean): Promise<void> {
    const { sender, now } = this.parts;
    for (let i = 0; i < batch.messages.length && mine(); i += SLICE) {
      const slice = batch.messages.slice(i, i + SLICE);
      try {
        run.onRecords(batch.partition, slice.map(toRecord), now());
      } catch (error) {
        // Half-folded, or the disk is full: kafkajs would try the batch again, and skip what was folded.
        return this.parts.fatal(error);
      }
      resolveOffset(slice.at(-1)?.offset ?? '');
      sender.kick();
      await heartbeat();
      // Back-pressure: nothing is folded while the broker lags behind with the results.
      while (mine() && run.outbox.size > MAX_OUTBOX) {
        await sender.progress();
        await heartbeat();
      }
    }
  }

  /**
   * Whether the batch begins where the run stands. If not, it is left over from another generation, or follows records without
   * data (transaction markers), or the log was cut or re-created under us: kafkajs then jumps silently, we do not.
   */
  async #follows(run: Run, { batch }: EachBatchPayload): Promise<boolean> {
    const { admin, config, consumer, log, fatal } = this.parts;
    const topic = config.settings.sourceTopic;
    const source = run.partitions.get(batch.partition);
    if (source === undefined) return false;
    const fetched = Number((batch as unknown as { fetchedOffset: string }).fetchedOffset);
    if (fetched === source.position) return true;
    if (fetched > source.position && this.#resought.get(batch.partition) === source.position) return true;
    const bounds = (await admin.fetchTopicOffsets(topic)).find((p) => p.partition === batch.partition);
    const { position } = source;
    if (bounds === undefined || Number(bounds.low) > position || Number(bounds.high) < position) {
      fatal(new Error(`${topic}/${batch.partition} no longer holds offset ${position}: a new run has to begin`));
      return false;
    }
    if (run !== this.#run) return false;
    log.warn({ partition: batch.partition, fetched, position }, 'unexpected batch, seeking back');
    this.#resought.set(batch.partition, position);
    consumer.seek({ topic, partition: batch.partition, offset: String(position) });
    return false;
  }

  tick(): void {
    if (this.#stopping) return;
    this.#run?.tick(this.parts.now());
    this.parts.sender.kick();
  }

  /** A command to replace the state of a result by the verified fold. */
  onReset(command: Reset): void {
    if (this.#stopping) return;
    this.#run?.reset(command, this.parts.now());
    this.parts.sender.kick();
  }

  heartbeat(): void {
    if (this.#stopping) return;
    this.#run?.heartbeat('RUNNING', this.parts.now());
    this.parts.sender.kick();
  }

  async snapshot(): Promise<void> {
    if (this.#run !== null) await this.parts.files.write(this.#run);
  }

  /** Commits positions once every control record of what lies below them is confirmed. Not atomic with the snapshots. */
  async commit(): Promise<void> {
    const { consumer, config, sender, log } = this.parts;
    const run = this.#run;
    if (run === null) return;
    const due = [...run.partitions.values()]
      .filter((s) => this.#committed.get(s.partition) !== s.position)
      .map((source) => ({ source, position: source.position, before: source.before() }));
    if (due.length === 0) return;
    if (!(await sender.confirmed(run.outbox, run.outbox.added)) || run !== this.#run) return;
    const topic = config.settings.sourceTopic;
    try {
      await consumer.commitOffsets(
        due.map(({ source, position, before }) => ({
          topic,
          partition: source.partition,
          offset: String(position),
          metadata: encodeBefore(before),
        })),
      );
    } catch (error) {
      log.warn({ err: error }, 'offset commit failed; the next one will say more');
      return;
    }
    for (const { source, position, before } of due) {
      this.#committed.set(source.partition, position);
      source.forgetMarks(before);
    }
  }

  /** Emits what is waiting, says goodbye, keeps state and position. The consumer leaves the group afterwards. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const run = this.#run;
    if (run === null) return;
    run.flush(this.parts.now());
    await this.parts.sender.confirmed(run.outbox, run.outbox.added);
    run.heartbeat('STOPPING', this.parts.now());
    await this.parts.sender.confirmed(run.outbox, run.outbox.added);
    await this.snapshot();
    await this.commit();
  }
}

function toRecord(message: EachBatchPayload['batch']['messages'][number]): SourceRecord {
  return {
    offset: Number(message.offset),
    key: message.key === null ? null : message.key.toString('utf8'),
    value: message.value,
    appendTimeMs: Number(message.timestamp),
  };
}
