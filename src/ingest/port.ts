/**
 * What ingest asks of the source of truth, in the words of the need. `postgres.ts` is the real one, `memory.ts` a fake for
 * the simulation; `conformance.ts` holds both to this. The order of the calls is the caller's (commit.ts): the port
 * promises what each of them means while others do the same.
 */
import type { Plan, PlannedRow } from '../decision/plan.js';
import type { IncomingResult, PipelineFacts, ResultState, SourcePlace } from '../decision/state.js';
import type { ResultKey } from '../position/commit-log.js';
import type { Expiry } from '../position/expiry.js';
import type { Micros, Position } from '../position/position.js';
import type { NewEvent } from '../staleness/transitions.js';
import type { DeadLetter, Place, Provenance } from './decode.js';
import type { Loss } from './losses.js';
import type { Answer } from './requests.js';

/** A position, taken from the commit clock. */
export interface Tick {
  readonly position: Position;
  readonly nonce: string;
  readonly predecessor: string;
  readonly incarnation: string;
  readonly committedAt: Micros;
}

/** What a partition has come to. */
export interface StoredOffsets {
  readonly next: bigint;
  /** null: nothing was consumed yet. */
  readonly last: ConsumedRecord | null;
}

export interface ConsumedRecord {
  readonly offset: bigint;
  readonly digest: Buffer;
}

/**
 * One transaction. What it writes is seen by nobody before `commit`, and then by everybody at once; what it locks stays
 * locked to its end. Reads see what was committed when they were sent (READ COMMITTED). After an error of any call but
 * `abort`, only `abort` may follow.
 */
export interface IngestTransaction {
  /** The results of the batch, for `writeRows` to take its values from. Takes no lock. */
  copy(results: readonly IncomingResult[], provenance: ReadonlyMap<number, Provenance>): Promise<void>;
  /**
   * Locks the partition's offsets: another transaction that asks for them waits for the end of this one.
   * @throws AppError INGEST_NOT_STARTED (retryable)
   */
  lockOffsets(place: Place): Promise<{ readonly next: bigint; readonly now: Micros }>;
  readFacts(place: Place): Promise<Map<string, PipelineFacts>>;
  /** Keys that are not stored are left out. */
  readRows(keys: readonly ResultKey[]): Promise<Map<string, ResultState>>;
  /** Of these, the ones that were replayed or dismissed (`lossId`), and nothing of the same Kafka key before them is left. */
  settledLosses(losses: readonly Loss[]): Promise<ReadonlySet<string>>;
  /** What has expired. Asked after `readRows`: whoever removes a row has written down before what that leaves unknown. */
  readExpired(): Promise<Expiry['kinds']>;
  /**
   * Locks the commit clock and moves it on by one: every other writer waits from here to the end of this transaction.
   * `committedAt` is the time of the server, and later than that of every position before.
   */
  takeClock(): Promise<Tick>;
  writeRows(place: Place, tick: Tick, rows: readonly PlannedRow[]): Promise<void>;
  /** One that was written before (same place in the log) is left as it is. */
  writeRefusals(
    place: Place,
    tick: Tick,
    refusals: Plan['refusals'],
    provenance: ReadonlyMap<number, Provenance>,
  ): Promise<void>;
  /** Of these recomputed results, the requests that are open and theirs, with what each asks to have read. */
  openRequests(answers: readonly Answer[]): Promise<ReadonlyMap<string, readonly SourcePlace[]>>;
  /** Answered: what is asked of the same key from now on is another request. */
  closeRequests(tick: Tick, ids: Plan['answered']): Promise<void>;
  /** A key that has an open request already keeps that one, which must then reach this event, too. */
  writeRequests(tick: Tick, requests: Plan['requests']): Promise<void>;
  /** One that was written before (same place, same reporter) is left as it is. */
  writeDeadLetters(tick: Tick, letters: readonly DeadLetter[]): Promise<void>;
  writeEvents(tick: Tick, events: readonly NewEvent[]): Promise<void>;
  /** @param before what `readFacts` answered: facts that are the same object are not written */
  writeFacts(place: Place, tick: Tick, before: ReadonlyMap<string, PipelineFacts>, after: Plan['facts']): Promise<void>;
  /** The partition goes on behind `last`. */
  advanceOffsets(place: Place, last: ConsumedRecord): Promise<void>;
  /** The commit log row, or its numbered parts: `keys` as JSON, `documents` each as JSON. */
  writeLog(tick: Tick, keys: string, documents: readonly string[]): Promise<void>;
  /** After an error nobody knows whether it has happened. */
  commit(): Promise<void>;
  /** Nothing of it stays, unless it was committed. Never throws; may be called at any time, also twice. */
  abort(): Promise<void>;
}

export interface IngestStore {
  begin(): Promise<IngestTransaction>;
  /** Where the partition goes on; it begins at `low` when it was never started. */
  offsets(place: Place, low: bigint): Promise<StoredOffsets>;
  /** Writes down that records of the partition were lost, for /readyz and people. */
  noteGap(place: Place, message: string): Promise<void>;
  /**
   * One empty transaction, if none was committed for `idleUs` of the server's time, in whichever direction its clock went:
   * its tick, or null when another commit was recent enough.
   */
  beat(idleUs: number): Promise<Tick | null>;
}
