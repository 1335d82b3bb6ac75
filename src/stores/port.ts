/**
 * What every store must be able to do, in the words of the need. Postgres only answers; a read model also applies.
 * One conformance suite (`conformance.ts`) holds every implementation to this.
 */
import type { ConfidenceLevel, ProcessingEngine, StalenessEventType, Store } from '../words.js';
import type { ResultKey } from '../position/commit-log.js';
import type { Micros, Position } from '../position/position.js';
import type { EventPlace } from '../position/event-id.js';
import type { Repair, Scanned, ScanRange } from './repair-port.js';

export type { Repair, Scanned, ScanRange } from './repair-port.js';

/** A result as every store holds it. Names are camelCase here; rows, documents and messages are snake_case. */
export interface StoredResult extends ResultKey {
  /** snake_case, decimals as strings, times as ISO-8601 with milliseconds and Z: exactly what the engine calculated. */
  readonly calculatedValue: Readonly<Record<string, unknown>>;
  readonly deleted: boolean;
  readonly final: boolean;
  readonly stale: boolean;
  /** The level that the evidence allowed when the row was written. Facts and proof may lower it when it is read. */
  readonly cap: ConfidenceLevel;
  readonly reasons: readonly string[];
  readonly pipeline: string;
  readonly resultPartition: number;
  readonly run: string;
  readonly revision: number;
  /** source partition → [first, last] offset folded, inclusive; null when the engine did not say. */
  readonly coverage: Readonly<Record<string, readonly [number, number]>> | null;
  /** ISO-8601, the newest completed checkpoint known when the row was written; null for KAFKA_ONLY. */
  readonly lastCheckpointTime: string | null;
  /** FLINK: a lower bound of the checkpoint that commits the row's record; null when the engine did not say. */
  readonly epoch: number | null;
  /** Where the row's record lies in its result partition; -1 when a control record made the row. */
  readonly resultOffset: number;
  /** Its value was recomputed from the source (cause REPROCESSED). */
  readonly verified: boolean;
  /** The position that last changed the row, and its commit time. */
  readonly position: Position;
  readonly committedAt: Micros;
}

/** A mark that there is no such result, where a stranger had put one (ADR 18). To readers it is a null. */
export const isVacant = ({ deleted, pipeline }: Pick<StoredResult, 'deleted' | 'pipeline'>): boolean =>
  deleted && pipeline === '';

/** How far a read model has come, and where to go on from: stored in the store itself, with its data. */
export interface Applied {
  readonly position: Position;
  readonly nonce: string;
  readonly incarnation: string;
  readonly committedAt: Micros;
  /** Offset in the CDC topic of the first record not yet applied. */
  readonly resumeOffset: bigint;
}

/**
 * A listing of one kind and engine, ordered by (calculated_value[orderBy], business_key) ascending. The fields it names
 * hold texts, compared by their UTF-8 bytes: a result in which one is missing or no text is left out. `listing.ts` is
 * the reference.
 */
export interface ListQuery {
  readonly kind: string;
  readonly engine: ProcessingEngine;
  /** Equality on fields of calculated_value. */
  readonly equals: Readonly<Record<string, string>>;
  /** The field of calculated_value that orders the listing; text order (ISO times sort so). */
  readonly orderBy: string;
  /** Inclusive lower and exclusive upper bound of `orderBy`. */
  readonly from?: string;
  readonly to?: string;
  /** Rows strictly after (ascending) or before (descending) this place. */
  readonly after?: { readonly order: string; readonly businessKey: string };
  readonly descending: boolean;
  /** At most 501. Deleted results are left out. */
  readonly limit: number;
  readonly expiredTo?: ExpiredTo;
}

/** Results last changed at or below it have expired and are left out, wherever they still lie (ADR 10); null: none has. */
export type ExpiredTo = Position | null;

/**
 * An answer with the bound that makes it provable: `applied` was read *before* the data, so everything up to it is in
 * the data. Postgres has no lag: its `applied` is null and its data was read after the caller's proof.
 */
export interface Answer<T> {
  readonly applied: Applied | null;
  readonly data: T;
}

export interface ResultReader {
  readonly store: Store;
  /** Same length and order as `keys`; null where the store holds no such result. Deleted and expired ones are returned. */
  readMany(keys: readonly ResultKey[]): Promise<Answer<readonly (StoredResult | null)[]>>;
  list(query: ListQuery): Promise<Answer<readonly StoredResult[]>>;
}

/** The place of a hit in the order of a search. */
export interface SearchCursor {
  readonly position: Position;
  readonly kind: string;
  readonly businessKey: string;
}

/** Results whose texts hold every word of `text`, the last one as a beginning; newest change first. */
export interface SearchQuery {
  readonly text: string;
  /** At least one. */
  readonly kinds: readonly string[];
  readonly engine: ProcessingEngine;
  /** At most 501. Deleted results are left out. */
  readonly limit: number;
  /** Hits strictly after this place. */
  readonly after?: SearchCursor;
  readonly expiredTo?: ExpiredTo;
}

export interface SearchHit {
  readonly result: StoredResult;
  /** HTML: what was found, escaped, with the words that matched in <em>. */
  readonly highlights: readonly string[];
  readonly cursor: SearchCursor;
}

/** `applied` of its answers is the search position: everything up to it is found. */
export interface SearchReader {
  /** @throws AppError SEARCH_QUERY_INVALID (not retryable), POSITION_UNKNOWN or STORE_UNAVAILABLE (retryable) */
  search(query: SearchQuery): Promise<Answer<readonly SearchHit[]>>;
}

/** One accepted transaction with its documents, whole: all numbered parts are together. */
export interface Change {
  readonly position: Position;
  readonly nonce: string;
  readonly predecessor: string;
  readonly incarnation: string;
  readonly committedAt: Micros;
  readonly documents: readonly StoredResult[];
}

export type Binding =
  | { readonly status: 'bound'; readonly applied: Applied }
  /** Empty, wiped, replaced, of another document version or unreadable: it must be rebuilt before it may answer. */
  | { readonly status: 'unbound'; readonly reason: string };

/** The writing side of a read model. A projection applies and rebuilds; the auditor scans and repairs (ADR 18). */
export interface ReadModel extends ResultReader {
  /** Is the data here the data that the applied position speaks of (identity of collection, index, table)? */
  binding(): Promise<Binding>;
  /**
   * Makes `changes` readable, then moves the applied position to `applied`, in this order. Idempotent by position.
   * `changes` are in order and without holes, end at `applied`, and begin no later than the applied position + 1.
   * @throws AppError CHANGE_REJECTED (not retryable) when the store refuses a document: the projection blocks.
   * Retryable: STORE_CONFLICT (rebuilt meanwhile, another history, or a hole), POSITION_UNKNOWN (wiped), STORE_UNAVAILABLE:
   * the projection reads the binding again
   */
  apply(changes: readonly Change[], applied: Applied): Promise<void>;
  /**
   * Fills a new collection/index/table beside the old one from a copy of the truth at `applied`, then swaps. Readers
   * keep the old answers until then. @throws AppError STORE_CONFLICT (retryable) when the store has moved meanwhile, or
   * would be taken back within its incarnation
   */
  rebuild(
    copy: AsyncIterable<readonly StoredResult[]>,
    applied: Applied,
    progress: (rows: number) => void,
  ): Promise<void>;
  /**
   * Removes some of what was last changed at or below `to`, all of which expired long ago: no answer changes. Newer results
   * are never touched, whatever is applied meanwhile; what was removed may come back by a redelivery, and expired it stays.
   * @param incarnation `to` is a position of; a store that holds another's is left as it is
   * @returns how many were removed, roughly; 0: nothing is left to do now. @throws AppError STORE_UNAVAILABLE or POSITION_UNKNOWN (retryable)
   */
  purge(to: Position, incarnation: string): Promise<number>;
  /**
   * What is there, whoever put it there: everything up to its applied position, as a read by key would find it, and nothing is
   * thrown for a document that can't be read.
   * @throws AppError POSITION_UNKNOWN or STORE_UNAVAILABLE (retryable)
   */
  scan(range: ScanRange): Promise<Answer<readonly Scanned[]>>;
  /**
   * Puts each document in the place of what has its position or an older one, of what is of exactly the position `over`, and of what is
   * no document at all. What is newer stays, whatever is applied meanwhile. Idempotent; once it resolves every path reads it.
   * @param incarnation of all positions
   * @throws AppError STORE_CONFLICT (the store holds another history), POSITION_UNKNOWN, STORE_UNAVAILABLE (all retryable), CHANGE_REJECTED
   */
  repair(repairs: readonly Repair[], incarnation: string): Promise<void>;
  close(): Promise<void>;
}

/** A REPEATABLE READ copy of the truth, to rebuild a read model from. */
export interface TruthSnapshot {
  /** The clock in the same snapshot: the copy holds exactly the changes up to it. */
  readonly clock: Omit<Applied, 'resumeOffset'>;
  /** Rows in the snapshot, for progress. */
  readonly total: number;
  readonly rows: AsyncIterable<readonly StoredResult[]>;
  close(): Promise<void>;
}

export interface Truth {
  snapshot(): Promise<TruthSnapshot>;
}

export interface StatsQuery {
  readonly symbol: string;
  readonly engine: ProcessingEngine;
  /** Of `window_start`, ISO-8601 with milliseconds and Z: inclusive lower and exclusive upper bound. */
  readonly from: string;
  readonly to: string;
  readonly expiredTo?: ExpiredTo;
}

/** Members of a statistic that are judged alike when it is read: their facts and evidence are the same. */
export interface StatsMembers {
  readonly pipeline: string;
  readonly resultPartition: number;
  readonly run: string;
  readonly final: boolean;
  readonly stale: boolean;
  readonly cap: ConfidenceLevel;
  readonly verified: boolean;
  readonly windows: number;
  /** The highest epoch among them; null when one of them has none. */
  readonly newestEpoch: number | null;
  /** The lowest offset among them in their result partition. */
  readonly oldestOffset: number;
  readonly newestPosition: Position;
  readonly newestCommittedAt: Micros;
}

/** Over the windows of one symbol and engine that are not deleted. Amounts are canonical decimals, exact. */
export interface SymbolStats {
  readonly windows: number;
  readonly ordersTotal: number;
  readonly ordersBuy: number;
  readonly ordersSell: number;
  /** null: no window, or one whose amount is no decimal of at most 18 fraction digits. */
  readonly totalAmount: string | null;
  readonly minPrice: string | null;
  readonly maxPrice: string | null;
  /** The lowest cap among the members; null when there is none. */
  readonly cap: ConfidenceLevel | null;
  /** Every reason that a member has. */
  readonly reasons: readonly string[];
  /** The largest position among the members; null when there is none. */
  readonly position: Position | null;
  readonly members: readonly StatsMembers[];
}

/** Statistics over the windows of a symbol. */
export interface StatsReader {
  readonly store: Store;
  symbolStats(query: StatsQuery): Promise<Answer<SymbolStats>>;
  /** The windows themselves, oldest first; at most `limit`. */
  history(query: StatsQuery & { readonly limit: number }): Promise<Answer<readonly StoredResult[]>>;
}

/** Something that happened to how far a result can be trusted, as ingest wrote it down. */
export interface StalenessEvent extends EventPlace {
  /** The history of Postgres that it belongs to; null: of before events had one. */
  readonly incarnation: string | null;
  readonly type: StalenessEventType;
  readonly at: Micros;
  /** Of an event of a store; null for all others, which have a pipeline, a run and an engine. */
  readonly store: Store | null;
  readonly pipeline: string | null;
  readonly run: string | null;
  readonly engine: ProcessingEngine | null;
  /** Of the result; null for an event of a pipeline or a store. */
  readonly kind: string | null;
  readonly businessKey: string | null;
  readonly symbol: string | null;
  /** The cap before and after; null where there is none. */
  readonly levelBefore: ConfidenceLevel | null;
  readonly levelAfter: ConfidenceLevel | null;
  /** The reasons that came with it. */
  readonly reasons: readonly string[];
  /** For people. */
  readonly message: string;
}

/** Of which events; what is left out takes all. */
export interface EventFilter {
  readonly store?: Store;
  readonly kind?: string;
  readonly businessKey?: string;
  readonly symbol?: string;
}

export interface EventQuery extends EventFilter {
  /** Events strictly after (ascending) or before (descending) this place. */
  readonly after?: EventPlace;
  /** None of a later position. */
  readonly upTo?: Position;
  readonly descending: boolean;
  /** At most 501. */
  readonly limit: number;
}

/** All of one snapshot. */
export interface EventPage {
  readonly events: readonly StalenessEvent[];
  /** This event and those before it may be gone. */
  readonly prunedTo: EventPlace;
  /** Where the clock stands: no event is beyond it, and none will come at or before it. */
  readonly clock: Position;
  /** The time of that position. */
  readonly clockAt: Micros;
  readonly incarnation: string;
  /** The event at `after` itself; null: there is none, or nothing was asked after. */
  readonly at: { readonly incarnation: string | null } | null;
}

export interface EventReader {
  /** @throws AppError STORE_UNAVAILABLE (retryable) */
  events(query: EventQuery): Promise<EventPage>;
}

/** An event, and why the row that it tells of had its cap then (src/decision/decided.ts); null: not known, or it is no row's. */
export interface RecordedEvent extends StalenessEvent {
  readonly decided: string | null;
}

export interface HistoryQuery extends ResultKey {
  /** Of whose runs and checkpoints the key's level depends; null: of none that is known. */
  readonly pipeline: string | null;
  /** Whose progress, and the way of changes to it, the answer depends on; left out: Postgres. */
  readonly store?: Store;
  /** At most 501. */
  readonly limit: number;
}

export interface HistoryPage {
  /** Newest first, none from before the row was made. */
  readonly events: readonly RecordedEvent[];
  /** This event and those before it may be gone. */
  readonly prunedTo: EventPlace;
}

export interface HistoryReader {
  /** What happened to how far this key can be trusted. @throws AppError STORE_UNAVAILABLE (retryable) */
  history(query: HistoryQuery): Promise<HistoryPage>;
}

export interface StoredDeadLetter {
  readonly id: bigint;
  readonly position: Position;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly kafkaKey: string | null;
  readonly cause: string;
  readonly message: string;
  /** Its first bytes, at most DEAD_LETTER_BYTES; null: the record had no value. */
  readonly payload: Buffer | null;
  /** The record had more bytes than `payload` has. */
  readonly truncated: boolean;
  readonly state: string;
  readonly reportedBy: string;
  /** Where the replay of a source record lies. */
  readonly replayPartition: number | null;
  readonly replayOffset: bigint | null;
  /** From this position on it is held against no result; null: it is. */
  readonly settledAt: Position | null;
  /** ISO-8601. */
  readonly notedAt: string;
}

export const DEAD_LETTER_BYTES = 4_096;

export interface DeadLetterReader {
  /** Newest first; those noted before `after`. @throws AppError STORE_UNAVAILABLE (retryable) */
  deadLetters(query: {
    readonly state?: string;
    readonly ids?: readonly bigint[];
    readonly after?: bigint;
    readonly limit: number;
  }): Promise<readonly StoredDeadLetter[]>;
}

/** What a person does about dead letters. Only open ones change; the others are left as they are. */
export interface DeadLetterDesk {
  /**
   * Writes a source record again, or takes in a record of a result topic that can be decoded now. All or none is begun; they
   * are done in the order of their ids, so after a retryable error the same call goes on.
   * @param payload instead of the record's own bytes, of exactly one record of the source
   * @throws AppError DEAD_LETTER_UNKNOWN, _UNDECODABLE, _TRUNCATED, _NOT_MENDABLE, _UNREPLAYABLE, REPLAY_NOT_SENT (retryable)
   */
  replay(ids: readonly bigint[], payload?: string): Promise<void>;
  /** Nothing is held against results for them any more, on a person's word. @throws AppError DEAD_LETTER_UNKNOWN */
  dismiss(ids: readonly bigint[]): Promise<void>;
}
