/**
 * What a run of the lab leaves behind: everything that a checker needs, and nothing that the server knows better than
 * somebody who watches from outside. On disk one JSON line each (`Line`), in memory a `History`.
 *
 * Times of the recorder are milliseconds of a clock that never steps (`mono`); the wall clock stands beside it for people.
 * Times of Postgres are microseconds since the epoch. The two are never subtracted but through `clock.ts`.
 */
export type Level = 'HIGH' | 'EVENTUALLY_CONSISTENT' | 'LOW';
export type Scope = 'STRONG' | 'EVENTUAL' | 'SEARCH';
export type Engine = 'KAFKA_ONLY' | 'FLINK';
export type StoreName = 'POSTGRES' | 'MONGODB' | 'ELASTICSEARCH' | 'CLICKHOUSE';
export type Value = Readonly<Record<string, unknown>>;
/** Source partition → first and last folded offset, inclusive. */
export type Coverage = Readonly<Record<string, readonly [number, number]>>;

export interface Instant {
  readonly mono: number;
  readonly wall: number;
}

export interface Key {
  readonly kind: string;
  readonly engine: Engine;
  readonly businessKey: string;
}

export const keyOf = (key: Key): string => `${key.kind}|${key.engine}|${key.businessKey}`;

/** What the run was made with. */
export interface Meta {
  readonly type: 'meta';
  readonly run: string;
  readonly started: Instant;
  readonly windowMs: number;
  readonly stores: readonly StoreName[];
  readonly notes: Readonly<Record<string, unknown>>;
}

/** One record of the source topic; `value` null is a tombstone. `appendedAt` is the broker's (LogAppendTime). */
export interface SourceEvent {
  readonly type: 'event';
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly appendedAtMs: number;
}

/** What an engine or the ingest said of a source record that it could not count. */
export interface Notice {
  readonly type: 'notice';
  readonly kind: 'late-dropped' | 'dead-letter';
  readonly partition: number;
  readonly offset: number;
  /** The result it would have belonged to, where that was said. */
  readonly result: string | null;
  readonly from: string;
}

export interface Document extends Key {
  readonly value: Value;
  readonly deleted: boolean;
  readonly final: boolean;
  readonly stale: boolean;
  readonly cap: Level;
  readonly reasons: readonly string[];
  readonly pipeline: string;
  readonly resultPartition: number;
  readonly run: string;
  readonly revision: number;
  readonly coverage: Coverage | null;
}

/** One accepted transaction, read by the recorder itself from the commit log. */
export interface Truth {
  readonly type: 'truth';
  readonly position: number;
  readonly committedAtUs: number;
  readonly incarnation: string;
  /** True: not from the log, but a row that stood there when the recording began. */
  readonly baseline?: boolean;
  readonly documents: readonly Document[];
}

/**
 * One look at Postgres: between `sent` and `received` its clock said `pgUs`, and `position` was committed. It bounds both
 * the offset of the clocks and the position that was current.
 */
export interface Poll {
  readonly type: 'poll';
  readonly sent: number;
  readonly received: number;
  readonly pgUs: number;
  readonly position: number;
}

/**
 * One look at what the group of the engine with checkpoints has committed, which it does when a checkpoint has completed:
 * source partition → next offset; -1: nothing yet.
 */
export interface Committed {
  readonly type: 'committed';
  readonly sent: number;
  readonly received: number;
  readonly offsets: readonly number[];
}

export interface Contract {
  readonly level: Level;
  readonly scope: Scope;
  readonly servedBy: StoreName;
  /** null: the protocol did not show it (the contract of a null). */
  readonly position: number | null;
  readonly provenAt: number | null;
  readonly asOf: string | null;
  readonly sourceAsOf: string | null;
  readonly stalenessMs: number | null;
  readonly stale: boolean;
  readonly lastCheckpointTime: string | null;
  readonly lastCdcSyncTime: string | null;
  readonly reasons: readonly string[];
}

export interface RowClaim extends Key {
  readonly subject: 'row';
  /** The fields that were asked for, in the wire's names; null: the answer was that there is no such result. */
  readonly value: Value | null;
  readonly contract: Contract;
}

/** A listing: "these are all". `complete` false: a page of more, of which only the members say something. */
export interface SetClaim {
  readonly subject: 'set';
  readonly kind: string;
  readonly engine: Engine;
  /** Equal to these members of the value; empty: all of the kind. */
  readonly where: Readonly<Record<string, string>>;
  /** And with a time in the value from, inclusive, to, exclusive. */
  readonly between?: { readonly field: string; readonly from: string; readonly to: string };
  readonly complete: boolean;
  readonly members: readonly string[];
  readonly contract: Contract;
}

export type Claim = RowClaim | SetClaim;

/** "A later answer must reflect at least this": opaque to clients, but what it promises can be checked. */
export interface Token {
  readonly incarnation: string;
  readonly position: number;
}

/** What a client requires of an answer beside its path and its token. */
export interface Needs {
  readonly minConfidence?: Level;
  readonly maxStalenessMs?: number;
  readonly onUnmet: 'FALLBACK' | 'WAIT' | 'NULL' | 'ERROR';
}

export interface Answer {
  readonly type: 'answer';
  readonly id: number;
  readonly session: string;
  readonly server: string;
  readonly started: Instant;
  readonly ended: Instant;
  readonly query: string;
  /** What the client asked for; null: nothing. */
  readonly asked: Scope | null;
  /** The position that the client's token stood for; null: none was sent. */
  readonly atLeast: number | null;
  /** Left out: nothing. */
  readonly needs?: Needs;
  /** The server said that something of it does not meet what was required. Left out: it did not. */
  readonly unmet?: true;
  /** How the client spoke to the server; left out: HTTP. */
  readonly way?: string;
  /** The token that came with it, read by the recorder; null: none came, undefined: nobody looked. */
  readonly token?: Token | null;
  readonly claims: readonly Claim[];
  readonly error?: string;
}

/** A session's own write: the source record that its client produced. */
export interface Write {
  readonly type: 'write';
  readonly session: string;
  readonly partition: number;
  readonly offset: number;
  readonly at: number;
}

/** `healed` null: it was not. */
export interface Fault {
  readonly type: 'fault';
  readonly id: number;
  readonly kind: string;
  readonly started: Instant;
  readonly healed: Instant | null;
}

/** From here on: no faults, no writes, everything counted, accepted and applied as far as it will be. */
export interface Warm {
  readonly type: 'warm';
  /** By the recorder's clock: just-in-time compilers and caches have had their load for so long; how useful claims are is measured from here on. */
  readonly at: number;
}

export interface Quiet {
  readonly type: 'quiet';
  readonly at: number;
}

/** One row of a store at the quiet end, read by the store's own protocol. */
export interface Stored extends Key {
  readonly type: 'stored';
  readonly store: StoreName;
  readonly value: Value;
  readonly deleted: boolean;
  readonly position: number;
  readonly cap: Level;
}

/** All rows of the store have been written down. */
export interface Dumped {
  readonly type: 'dumped';
  readonly store: StoreName;
  readonly rows: number;
}

/**
 * At the quiet end, of one result partition of an engine that numbers its output and sends it without transactions: where the
 * server says that some of it was lost, and what the recorder itself has read there.
 */
export interface Output {
  readonly type: 'output';
  readonly pipeline: string;
  readonly partition: number;
  /** `<run>/<subtask>` → the first number after what the server says was lost. */
  readonly gaps: Readonly<Record<string, number>>;
  /** Those of them of which the recorder has read every number up to that one. */
  readonly there: readonly string[];
}

/** Something that makes the history blind: positions pruned before they were read, say. */
export interface Blind {
  readonly type: 'blind';
  readonly what: string;
}

export type Line =
  | Meta
  | SourceEvent
  | Notice
  | Truth
  | Poll
  | Committed
  | Answer
  | Write
  | Fault
  | Warm
  | Quiet
  | Stored
  | Dumped
  | Output
  | Blind;

export interface History {
  readonly meta: Meta;
  readonly events: readonly SourceEvent[];
  readonly notices: readonly Notice[];
  readonly truth: readonly Truth[];
  readonly polls: readonly Poll[];
  readonly committed: readonly Committed[];
  readonly answers: readonly Answer[];
  readonly writes: readonly Write[];
  readonly faults: readonly Fault[];
  readonly warm: Warm | null;
  readonly quiet: Quiet | null;
  readonly stored: readonly Stored[];
  readonly dumped: readonly Dumped[];
  readonly outputs: readonly Output[];
  readonly blind: readonly Blind[];
}

/** Lines in any order → a history, each list in its own order. A fault's last line wins: it is written again when it heals. */
export function historyOf(lines: Iterable<Line>): History {
  const by: { [T in Line['type']]: Extract<Line, { type: T }>[] } = {
    meta: [],
    event: [],
    notice: [],
    truth: [],
    poll: [],
    committed: [],
    answer: [],
    write: [],
    fault: [],
    warm: [],
    quiet: [],
    stored: [],
    dumped: [],
    output: [],
    blind: [],
  };
  for (const line of lines) (by[line.type] as Line[]).push(line);
  const [meta] = by.meta;
  if (meta === undefined) throw new Error('a history without its meta line');
  const faults = new Map(by.fault.map((fault) => [fault.id, fault]));
  return {
    meta,
    events: by.event.sort((a, b) => a.partition - b.partition || a.offset - b.offset),
    notices: by.notice,
    truth: by.truth.sort((a, b) => a.position - b.position),
    polls: by.poll.sort((a, b) => a.sent - b.sent),
    committed: by.committed.sort((a, b) => a.sent - b.sent),
    answers: by.answer.sort((a, b) => a.started.mono - b.started.mono || a.id - b.id),
    writes: by.write,
    faults: [...faults.values()].sort((a, b) => a.started.mono - b.started.mono),
    warm: by.warm.at(-1) ?? null,
    quiet: by.quiet.at(-1) ?? null,
    stored: by.stored,
    dumped: by.dumped,
    outputs: by.output,
    blind: by.blind,
  };
}
