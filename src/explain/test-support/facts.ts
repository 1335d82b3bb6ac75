/**
 * A run with many kinds of facts: what both engines may say, right and wrong, in an order that follows from a seed. Into real ingest.
 */
import type { Pool } from 'pg';
import { createDesk } from '../../ingest/desk.js';
import { holdSourceExpired } from '../../ingest/expired-source.js';
import { begin, emit, golden, heartbeat, record, reported, type Message } from '../../ingest/test-support/world.js';
import type { LogHandler, LogRecord } from '../../log/port.js';
import type { Highest } from '../../position/highest.js';
import type { ProcessingEngine } from '../../words.js';

export const TOPICS = { KAFKA_ONLY: 'results.kafka-only', FLINK: 'results.flink' } as const;
export const ENGINES = new Map<string, ProcessingEngine>([
  [TOPICS.KAFKA_ONLY, 'KAFKA_ONLY'],
  [TOPICS.FLINK, 'FLINK'],
]);
export type Chance = () => number;

/** mulberry32: the same numbers for the same seed, everywhere. */
export function chance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const oneOf = <T>(next: Chance, all: readonly T[]): T => all[Math.floor(next() * all.length)]!;
const start = (minute: number): string =>
  new Date(Date.parse('2026-01-05T09:00:00.000Z') + minute * 60_000).toISOString();
const MINUTES = Array.from({ length: 30 }, (_, i) => i * 2);

/** A window of its own value. */
function window(minute: number, total: number): Message {
  const base = golden('result.kafka-only')['calculated_value'] as Message;
  const calculated_value = { ...base, window_start: start(minute), window_end: start(minute + 1), orders_total: total };
  return { business_key: `005930@${start(minute)}`, calculated_value };
}

const without = (message: Message, name: string): Message => {
  const { [name]: _, ...rest } = message;
  return rest;
};

/** What is put into the topic, and whether in a committed transaction. */
interface Said {
  readonly message: Message | string;
  readonly transactional: boolean;
}

abstract class Engine {
  protected end = 0;
  protected seq = 0;
  protected runs = 0;
  /** What each window covered last. */
  protected readonly spans = new Map<number, readonly [number, number]>();
  constructor(protected readonly next: Chance) {}

  abstract says(): Said[];
  abstract first(): Said[];
  abstract answer(businessKey: string): Message;

  protected covers(minute: number, more: boolean): readonly [number, number] {
    const before = this.spans.get(minute);
    const span = before !== undefined && !more ? before : ([before?.[0] ?? this.end, ++this.end] as const);
    this.spans.set(minute, span);
    return span;
  }

  get reached(): number {
    return this.end;
  }
}

export class KafkaOnly extends Engine {
  private run = 'k0';
  private before = 'k0';

  first(): Said[] {
    return [this.plain(begin(this.run, ++this.seq))];
  }

  private plain(message: Message | string): Said {
    return { message, transactional: false };
  }

  private emitted(over: Message, evidence: Message = {}, more = true): Message {
    const minute = oneOf(this.next, MINUTES);
    const span = this.covers(minute, more);
    const final = this.next() < 0.2;
    const digest = String(span[1] + 1);
    return emit(
      this.run,
      ++this.seq,
      { ...window(minute, span[1]), final, ...over },
      { coverage: { '0': span }, digest, ...evidence },
    );
  }

  says(): Said[] {
    const kinds: readonly (() => (Message | string)[])[] = [
      ...Array.from({ length: 14 }, () => () => [this.emitted({})]),
      () => [this.emitted({ cause: 'LATE' })],
      () => [this.emitted({}, { digest: '999' }, false)],
      () => [reported(this.run, ++this.seq, this.end, '005930'), this.emitted({}, { lost: { '0': [this.end] } })],
      () => ((this.seq += this.next() < 0.3 ? 1 : 0), [this.emitted({})]),
      () => ((this.seq -= 1), [without(this.emitted({}), 'seq')]),
      () => [this.emitted({}, { coverage: undefined })],
      () => [this.dropped()],
      () => this.restarted(),
      () => [{ ...this.emitted({}), run: { id: this.before, subtask: 0 } }],
      () => [this.emitted({}, { coverage: { '1': [0, 3] } })],
      () => [heartbeat(this.run, ++this.seq, this.end)],
      () => [`{"broken ${this.end}`],
      () => {
        const again = this.emitted({});
        return [again, again];
      },
    ];
    return oneOf(this.next, kinds)().map((message) => this.plain(message));
  }

  private restarted(): Message[] {
    this.before = this.run;
    this.run = `k${++this.runs}`;
    this.seq = 1;
    const known = this.next() < 0.7 ? start(oneOf(this.next, MINUTES)) : null;
    return [begin(this.run, 1, this.end, known)];
  }

  /** A new run that nothing is held against, and windows that begin after all that came before it. */
  calm(late: number): Said[] {
    this.restarted();
    const emitted = [1, 2, 3].map(() =>
      emit(
        this.run,
        ++this.seq,
        { ...window(late, 1), final: true },
        { coverage: { '0': [this.end, ++this.end] }, digest: String(this.end) },
      ),
    );
    return [begin(this.run, 1, this.end, start(late - 1)), ...emitted].map((message) => this.plain(message));
  }

  private dropped(): Message {
    const late = golden('control.late-dropped');
    const { business_key } = window(oneOf(this.next, [...MINUTES, 59]), 0);
    const at = { source_partition: 0, source_offset: this.end };
    const calculated_value = { ...(late['calculated_value'] as object), ...at };
    return { ...late, run: { id: this.run, subtask: 0 }, seq: ++this.seq, business_key, calculated_value };
  }

  answer(businessKey: string): Message {
    const { seq: _, ...message } = emit('reprocessing', 1);
    const minute = Number(businessKey.slice(-10, -8)) || 0;
    return { ...message, ...window(minute, 7), business_key: businessKey, cause: 'REPROCESSED' };
  }
}

export class Flink extends Engine {
  private run = 'f0';
  private lineage: (readonly [string, number])[] = [];
  private epoch = 10;
  private readonly revisions = new Map<number, number>();

  /** @param intervalMs an hour: never overdue while a test runs; a millisecond: always */
  constructor(
    next: Chance,
    private readonly pipeline: string,
    private readonly intervalMs: number,
  ) {
    super(next);
  }

  private stamped(name: string, over: Message): Message {
    return {
      ...golden(name),
      processing_engine: 'FLINK',
      pipeline: this.pipeline,
      delivery: 'EXACTLY_ONCE',
      checkpoint_interval_ms: this.intervalMs,
      run: { id: this.run, subtask: 0, lineage: this.lineage },
      seq: ++this.seq,
      epoch: this.epoch,
      completed_checkpoint: { id: this.epoch - 1, time: start(1) },
      ...over,
    };
  }

  private announced(parent: string | null, restored: number | null): Message {
    return this.stamped('control.run', {
      business_key: this.run,
      calculated_value: { parent, restored_checkpoint: restored, counters: [] },
    });
  }

  first(): Said[] {
    return [{ message: this.announced(null, null), transactional: true }];
  }

  private emitted(over: Message, evidence: Message = {}, more = true): Message {
    const minute = oneOf(this.next, MINUTES);
    const span = this.covers(minute, more);
    const revision = (this.revisions.get(minute) ?? 0) + 1;
    this.revisions.set(minute, revision);
    return this.stamped('result.flink', {
      ...window(minute, span[1]),
      revision,
      final: this.next() < 0.4,
      evidence: { events: span[1], digest: String(span[1]), coverage: { '0': span }, ...evidence },
      ...over,
    });
  }

  says(): Said[] {
    const kinds: readonly (() => Message[])[] = [
      ...Array.from({ length: 14 }, () => () => [this.emitted({})]),
      () => [this.emitted({ cause: 'LATE' })],
      () => [this.emitted({}, { digest: '999' }, false)],
      () => [this.emitted({ revision: 1 })],
      () => [this.emitted({}, { lost: { '0': [this.end] } })],
      () => ((this.seq += this.next() < 0.1 ? 1 : 0), [this.emitted({})]),
      () => [without(this.emitted({}), oneOf(this.next, ['epoch', 'delivery', 'revision', 'checkpoint_interval_ms']))],
      () => [this.emitted({}, { [oneOf(this.next, ['digest', 'coverage'])]: undefined })],
      () => [this.emitted({ run: { id: this.run, subtask: 0 } })],
      () => ((this.epoch += 1), [this.beat()]),
      () => [this.beat()],
      () => this.restored(),
      () => [{ ...this.emitted({}), run: { id: 'stranger', subtask: 0, lineage: [] } }],
    ];
    const transactional = this.next() < 0.7;
    return oneOf(this.next, kinds)().map((message) => ({ message, transactional }));
  }

  private beat(): Message {
    const sources = { '0': { next_offset: this.end, append_time: null } };
    const state = this.next() < 0.02 ? 'STOPPING' : 'RUNNING';
    return this.stamped('control.heartbeat', { business_key: this.run, calculated_value: { state, sources } });
  }

  private restored(): Message[] {
    const at = this.epoch - Math.floor(this.next() * 3);
    const parent = this.run;
    this.lineage = [...this.lineage, [parent, at]];
    this.run = `f${++this.runs}`;
    this.seq = 0;
    this.epoch = at + 1;
    return [this.announced(parent, at), this.emitted({}, {}, this.next() < 0.5)];
  }

  answer(businessKey: string): Message {
    const { seq: _, ...message } = this.stamped('result.flink', {});
    const minute = Number(businessKey.slice(-10, -8)) || 0;
    const own = { ...message, ...window(minute, 7), business_key: businessKey, cause: 'REPROCESSED' };
    this.seq -= 1;
    return { ...own, run: { id: 'reprocessing', subtask: 0 } };
  }
}

interface Request {
  readonly id: string;
  readonly nonce: string;
  readonly business_key: string;
  readonly engine: ProcessingEngine;
}

export interface FactsOptions {
  readonly pool: Pool;
  readonly highest: Highest;
  readonly ingest: LogHandler;
  readonly seed: number;
}

/** Delivers what the engines say, batch by batch, and does what people and the reprocessing do in between. */
export class Facts {
  private readonly next: Chance;
  private readonly offsets = { KAFKA_ONLY: 0, FLINK: 0 };
  private readonly engines: readonly { readonly engine: ProcessingEngine; readonly from: Engine }[];

  constructor(private readonly options: FactsOptions) {
    this.next = chance(options.seed);
    this.engines = [
      { engine: 'KAFKA_ONLY', from: new KafkaOnly(this.next) },
      { engine: 'FLINK', from: new Flink(this.next, 'orders-flink', 3_600_000) },
    ];
  }

  async begin(): Promise<void> {
    for (const { engine, from } of this.engines) {
      await this.options.ingest.start(TOPICS[engine], 0, { low: 0n, high: 0n });
      await this.deliver(engine, from.first());
    }
  }

  async go(batches: number): Promise<void> {
    for (let i = 0; i < batches; i++) {
      const { engine, from } = oneOf(this.next, this.engines);
      await this.deliver(engine, Array.from({ length: 1 + Math.floor(this.next() * 4) }, () => from.says()).flat());
      const what = this.next();
      if (what < 0.2) await this.recompute();
      else if (what < 0.25) await this.giveUp();
      else if (what < 0.32) await this.settle();
    }
  }

  /** At last a person has settled all letters, and the Kafka-only processor starts once more. */
  async calm(minute: number): Promise<void> {
    await this.settle();
    for (const { engine, from } of this.engines)
      if (from instanceof KafkaOnly) await this.deliver(engine, from.calm(minute));
  }

  private async deliver(engine: ProcessingEngine, said: readonly Said[]): Promise<void> {
    const records = said.map(({ message, transactional }): LogRecord => ({
      ...record(this.offsets[engine]++, message),
      inTransaction: transactional,
    }));
    const batch = { topic: TOPICS[engine], partition: 0, records, transactional: false };
    await this.options.ingest.handle(batch);
  }

  private async open(): Promise<Request | undefined> {
    const { rows } = await this.options.pool.query<Request>(
      `select id::text, nonce, business_key, engine from reprocessing_requests where state = 'OPEN' order by id`,
    );
    return rows.length === 0 ? undefined : oneOf(this.next, rows);
  }

  private async recompute(): Promise<void> {
    const request = await this.open();
    if (request === undefined) return;
    const { from } = this.engines.find(({ engine }) => engine === request.engine)!;
    const reached = from.reached;
    const message = {
      ...from.answer(request.business_key),
      evidence: { events: 3, digest: '7', coverage: { '0': [0, reached] } },
      reprocessing: { request: request.id, nonce: request.nonce, up_to: { '0': reached + 2, '1': 9 } },
    };
    await this.deliver(request.engine, [{ message, transactional: false }]);
  }

  /** The source no longer reaches back so far. */
  private async giveUp(): Promise<void> {
    const request = await this.open();
    if (request === undefined) return;
    await holdSourceExpired(this.options.pool, this.options.highest, [{ id: request.id, message: 'gone' }]);
  }

  private async settle(): Promise<void> {
    const { pool, highest } = this.options;
    const send = async (): Promise<never> => {
      throw new Error('nothing is replayed here');
    };
    const desk = createDesk({ pool, highest, engines: ENGINES, sourceTopic: 'orders.events', send });
    const { rows } = await pool.query<{ id: string }>(`select id::text from dead_letters where state = 'OPEN'`);
    if (rows.length > 0) await desk.dismiss(rows.map(({ id }) => BigInt(id)));
    await desk.settle();
  }
}
