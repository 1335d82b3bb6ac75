/**
 * Postgres as far as ingest, proofs, readers and rebuilds need it: rows, two kinds of row locks, transactions whose writes
 * appear at once at the commit. Every statement is one instant; only waiting for a lock takes time. It passes the suite that
 * the real one passes (src/ingest/conformance.ts).
 */
import type { IncomingResult, PipelineFacts, ResultState } from '../../../src/decision/state.js';
import type { Plan, PlannedRow } from '../../../src/decision/plan.js';
import { partition as intoParts } from '../../../src/ingest/clock.js';
import type { DeadLetter, Place } from '../../../src/ingest/decode.js';
import type { ConsumedRecord, StoredOffsets, Tick } from '../../../src/ingest/port.js';
import { keyOf, type ResultKey } from '../../../src/position/commit-log.js';
import { micros, position, type Micros, type Position } from '../../../src/position/position.js';
import type { NewEvent } from '../../../src/staleness/transitions.js';
import type { Applied, StoredResult } from '../../../src/stores/port.js';
import { Lock, Locks } from './locks.js';

/** One row of commit_log. */
export interface LogRow {
  readonly position: Position;
  readonly part: number;
  readonly parts: number;
  readonly nonce: string;
  readonly predecessor: string;
  readonly incarnation: string;
  readonly committedAt: Micros;
  readonly keys: string;
  readonly documents: string;
  readonly documentCount: number;
}

export interface OffsetsRow extends StoredOffsets {
  gap: string | null;
}

export interface FactsRow {
  readonly pipeline: string;
  readonly topic: string;
  readonly partition: number;
  readonly engine: Place['engine'];
  readonly position: Position;
  /** JSON, as it is stored. */
  readonly facts: string;
}

/** A row of results, and the topic that its value came from. */
export interface ResultRow extends ResultState {
  readonly topic: string;
  readonly position: Position;
  readonly committedAt: Micros;
}

export interface PostgresOptions {
  /** Microseconds since the epoch, by the server's own clock: it may step. */
  readonly nowUs: () => number;
  readonly newNonce: () => string;
  /** Documents of a transaction beyond this many characters go in parts. */
  readonly partChars: number;
  /** Told of every commit that wrote to the log, at its instant. */
  readonly onCommit?: (rows: readonly LogRow[]) => void;
}

const placeId = ({ topic, partition }: Pick<Place, 'topic' | 'partition'>): string => `${topic}/${partition}`;

export class MemoryPostgres {
  readonly locks = new Locks();
  readonly offsets = new Map<string, OffsetsRow>();
  readonly results = new Map<string, ResultRow>();
  /** Everything that was ever accepted, in commit order: what the checkers compare with. */
  readonly versions: ResultRow[] = [];
  readonly facts = new Map<string, FactsRow>();
  readonly refusals = new Map<string, Plan['refusals'][number]>();
  readonly requests = new Map<string, Plan['requests'][number]>();
  readonly deadLetters = new Map<string, DeadLetter>();
  readonly events: (NewEvent & { readonly position: Position })[] = [];
  log: LogRow[] = [];
  clock: Tick;

  constructor(readonly options: PostgresOptions) {
    const nonce = options.newNonce();
    this.clock = {
      position: position(0),
      nonce,
      predecessor: options.newNonce(),
      incarnation: options.newNonce(),
      committedAt: micros(options.nowUs()),
    };
  }

  session(): Session {
    return new Session(this);
  }

  /** The next tick: only whoever holds the clock may ask. */
  tick(): Tick {
    const { clock, options } = this;
    return {
      position: position(clock.position + 1n),
      nonce: options.newNonce(),
      predecessor: clock.nonce,
      incarnation: clock.incarnation,
      committedAt: micros(Math.max(options.nowUs(), clock.committedAt + 1)),
    };
  }

  logRows(tick: Tick, keys: string, documents: readonly string[]): LogRow[] {
    const parts = intoParts(documents, this.options.partChars);
    return parts.map((inPart, part) => ({
      ...tick,
      part,
      parts: parts.length,
      keys: part === 0 ? keys : '[]',
      documents: `[${inPart.join(',')}]`,
      documentCount: inPart.length,
    }));
  }

  /** Until the holder's end nobody else gets the clock. */
  lockClock(holder: Lock): Promise<void> {
    return this.locks.acquire('clock', holder);
  }

  append(tick: Tick, rows: readonly LogRow[]): void {
    this.clock = this.moved(tick);
    this.log.push(...rows);
    this.options.onCommit?.(rows);
  }

  /** Where the clock stands after a commit of `tick`. */
  protected moved(tick: Tick): Tick {
    return tick;
  }

  async beat(idleUs: number): Promise<Tick | null> {
    const lock = new Lock();
    await this.lockClock(lock);
    try {
      if (Math.abs(this.options.nowUs() - this.clock.committedAt) < idleUs) return null;
      const tick = this.tick();
      this.append(tick, this.logRows(tick, '[]', []));
      return tick;
    } finally {
      this.locks.release(lock);
    }
  }

  startPartition(place: Place, low: bigint): StoredOffsets {
    const id = placeId(place);
    const row = this.offsets.get(id) ?? { next: low, last: null, gap: null };
    this.offsets.set(id, row);
    return { next: row.next, last: row.last };
  }

  prune(below: bigint): number {
    const before = this.log.length;
    this.log = this.log.filter((row) => row.position >= below);
    return before - this.log.length;
  }

  /** The rows and the clock in one instant, as a REPEATABLE READ transaction sees them. */
  snapshot(): { readonly clock: Omit<Applied, 'resumeOffset'>; readonly rows: readonly StoredResult[] } {
    const { position: at, nonce, incarnation, committedAt } = this.clock;
    return { clock: { position: at, nonce, incarnation, committedAt }, rows: [...this.results.values()].map(stored) };
  }
}

/** What a reader gets: without what only ingest knows. */
export const stored = (row: ResultRow): StoredResult => ({
  kind: row.kind,
  businessKey: row.businessKey,
  engine: row.engine,
  calculatedValue: row.calculatedValue,
  deleted: row.deleted,
  final: row.final,
  stale: row.stale,
  cap: row.cap,
  reasons: row.reasons,
  pipeline: row.pipeline,
  resultPartition: row.resultPartition,
  run: row.run,
  revision: row.revision,
  coverage: row.coverage,
  lastCheckpointTime: row.lastCheckpointTime,
  epoch: row.epoch,
  resultOffset: row.resultOffset,
  verified: row.verified,
  position: row.position,
  committedAt: row.committedAt,
});

/** A connection's transaction. `end` gives up what it holds: at its commit, its rollback, or when the connection dies. */
export class Session {
  private readonly holder = new Lock();
  private readonly writes: (() => void)[] = [];
  private copied = new Map<number, IncomingResult>();
  private over = false;

  constructor(private readonly db: MemoryPostgres) {}

  copy(results: readonly IncomingResult[]): void {
    this.alive();
    this.copied = new Map(results.map((result) => [result.ordinal, result]));
  }

  async lockOffsets(place: Place): Promise<{ next: bigint; now: Micros } | null> {
    this.alive();
    if (!this.db.offsets.has(placeId(place))) return null;
    await this.db.locks.acquire(placeId(place), this.holder);
    const row = this.db.offsets.get(placeId(place));
    return row === undefined ? null : { next: row.next, now: micros(this.db.options.nowUs()) };
  }

  readFacts(place: Place): Map<string, PipelineFacts> {
    this.alive();
    const own = [...this.db.facts.values()].filter((row) => placeId(row) === placeId(place));
    return new Map(own.map((row) => [row.pipeline, JSON.parse(row.facts) as PipelineFacts]));
  }

  readRows(keys: readonly ResultKey[]): Map<string, ResultState> {
    this.alive();
    const found = keys.flatMap((key) => this.db.results.get(keyOf(key)) ?? []);
    return new Map(found.map(({ position: _p, committedAt: _c, topic: _t, ...row }) => [keyOf(row), row]));
  }

  async takeClock(): Promise<Tick> {
    this.alive();
    await this.db.lockClock(this.holder);
    return this.db.tick();
  }

  writeRows(place: Place, tick: Tick, rows: readonly PlannedRow[]): void {
    this.alive();
    for (const { row, source } of rows) {
      const from = source === null ? null : this.copied.get(source.ordinal);
      if (from === undefined) throw new Error(`ordinal ${source?.ordinal} was not copied`);
      // The value is the copied record's, as in the real statement; the level is the decision's.
      const value = from === null ? row : { ...row, ...valueOf(from.state) };
      const { position: at, committedAt } = tick;
      this.write(() => {
        const written = { ...value, position: at, committedAt, topic: place.topic };
        this.db.results.set(keyOf(row), written);
        this.db.versions.push(written);
      });
    }
  }

  writeRefusals(place: Place, refusals: Plan['refusals']): void {
    this.alive();
    for (const refusal of refusals)
      this.insert(this.db.refusals, `${placeId(place)}@${refusal.record.offset}`, refusal);
  }

  writeRequests(requests: Plan['requests']): void {
    this.alive();
    for (const request of requests) this.insert(this.db.requests, keyOf(request), request);
  }

  writeDeadLetters(letters: readonly DeadLetter[]): void {
    this.alive();
    for (const letter of letters) {
      this.insert(this.db.deadLetters, `${placeId(letter)}@${letter.offset}|${letter.reportedBy}`, letter);
    }
  }

  writeEvents(tick: Tick, events: readonly NewEvent[]): void {
    this.alive();
    this.write(() => {
      for (const event of events) {
        const known = (other: NewEvent): boolean =>
          other.type === 'RUN_STARTED' && other.pipeline === event.pipeline && other.run === event.run;
        if (event.type === 'RUN_STARTED' && this.db.events.some(known)) continue;
        this.db.events.push({ ...event, position: tick.position });
      }
    });
  }

  writeFacts(place: Place, tick: Tick, before: ReadonlyMap<string, PipelineFacts>, after: Plan['facts']): void {
    this.alive();
    for (const [pipeline, facts] of after) {
      if (before.get(pipeline) === facts) continue;
      const { topic, partition, engine } = place;
      const row = { pipeline, topic, partition, engine, position: tick.position, facts: JSON.stringify(facts) };
      this.write(() => this.db.facts.set(`${pipeline}|${placeId(place)}`, row));
    }
  }

  advanceOffsets(place: Place, last: ConsumedRecord): void {
    this.alive();
    this.write(() => {
      const gap = this.db.offsets.get(placeId(place))?.gap ?? null;
      this.db.offsets.set(placeId(place), { next: last.offset + 1n, last, gap });
    });
  }

  writeLog(tick: Tick, keys: string, documents: readonly string[]): void {
    this.alive();
    this.write(() => this.db.append(tick, this.db.logRows(tick, keys, documents)));
  }

  commit(): void {
    this.alive();
    for (const write of this.writes) write();
    this.end();
  }

  /** What was not committed is gone. */
  end(): void {
    this.over = true;
    this.db.locks.release(this.holder);
  }

  get ended(): boolean {
    return this.over;
  }

  private write(effect: () => void): void {
    this.writes.push(effect);
  }

  private insert<T>(table: Map<string, T>, id: string, row: T): void {
    this.write(() => {
      if (!table.has(id)) table.set(id, row);
    });
  }

  private alive(): void {
    if (this.over) throw new Error('the connection was closed');
  }
}

/** The columns that UPSERT takes from the copied record. */
function valueOf(state: ResultState): Omit<ResultState, 'stale' | 'cap' | 'reasons' | 'decided'> {
  const { stale: _s, cap: _c, reasons: _r, decided: _d, ...value } = state;
  return value;
}
