import { Anomalies, firstOffsetOf, type Anomaly } from '../../fold/anomaly.js';
import {
  KIND_ANOMALY,
  KIND_ORDER_WINDOW,
  anomalyKey,
  parseEventText,
  windowKey,
  isWindowReset,
  type OrderEvent,
  type OrderReset,
  type Parsed,
  type Reset,
  type WindowReset,
} from './wire.js';
import { LostSymbols, couldBelong, noteLost, pruneMarks, type LostMark } from '../../fold/lost.js';
import { foldOrder, type OrderChange, type OrderMemory } from '../../fold/order.js';
import { suspectUntil, type Before, type StartPosition } from './position.js';
import type { Settings, SourceRecord } from '../../fold/settings.js';
import type { PartitionSnapshot } from './snapshot.js';
import { fold, markDirty, openWindow, resetWindow, type WindowState } from '../../fold/window.js';
import { RecentEvents, type RecentEvent } from './recent.js';
import { resetOrder, WaitingResets } from './resets.js';

/** What the owner of a partition has to say at once; everything else waits in `dirty`. */
export type Effect =
  | { readonly kind: 'final'; readonly window: WindowState }
  | { readonly kind: 'order'; readonly change: OrderChange; readonly lost: readonly number[] }
  | { readonly kind: 'anomaly'; readonly anomaly: Anomaly; readonly lost: readonly number[] }
  | {
      readonly kind: 'late_dropped';
      readonly resultKind: string;
      readonly key: string;
      readonly event: OrderEvent;
      readonly offset: number;
      readonly watermarkMs: number;
    }
  | {
      readonly kind: 'dead_letter';
      readonly record: SourceRecord;
      readonly reason: Extract<Parsed, { kind: 'broken' }>;
    };

/** The fold of one source partition: orders, windows, anomalies, watermark, lost marks. No clock; I/O only in its order memory. */
export class SourcePartition {
  readonly partition: number;
  /** Next offset to fold. */
  position: number;
  /** False: undecodable records precede whose marks this run does not have, nor will a snapshot that it writes. */
  readonly marksRestored: boolean;
  readonly windows = new Map<string, WindowState>();
  readonly dirty = new Set<WindowState>();
  marks: LostMark[];
  readonly lostSymbols: LostSymbols;
  readonly anomalies: Anomalies;
  readonly #recent: RecentEvents;
  readonly #resets = new WaitingResets();
  #maxEventTimeMs: number | null;
  #poisonUntilMs: number | null;
  #poisonOffset: number | null;
  /** Lower bound of the ends of the open windows: spares a scan per record. */
  #nextEndMs = Infinity;

  constructor(
    private readonly settings: Settings,
    private readonly start: StartPosition,
    snapshot: PartitionSnapshot | null,
    private readonly orders: OrderMemory = new Map(),
  ) {
    this.partition = start.partition;
    this.position = start.startOffset;
    this.#recent = new RecentEvents(start.startOffset);
    this.#poisonUntilMs = start.before.poisonUntilMs;
    this.#poisonOffset = start.before.poisonOffset;
    const { complete, poisonOffset } = start.before;
    this.marksRestored =
      poisonOffset === null ? complete : snapshot?.marksRestored === true && snapshot.position > poisonOffset;
    this.marks = (snapshot?.marks ?? []).filter((m) => m.offset < start.startOffset);
    this.lostSymbols = new LostSymbols(snapshot?.lostSymbols);
    this.anomalies = new Anomalies(settings, suspectUntil(start));
    // Orders at or beyond the start are read again.
    const kept = ({ offset }: { readonly offset: number }): boolean => offset < start.startOffset;
    for (const { symbol, last, recent } of snapshot?.symbols ?? []) {
      this.anomalies.restore(symbol, { last: last && kept(last) ? last : null, recent: recent.filter(kept) });
    }
    // The watermark at an offset follows from the maximum before it; the snapshot's may be of another offset.
    const older = snapshot !== null && snapshot.position <= start.startOffset ? snapshot.maxEventTimeMs : null;
    this.#maxEventTimeMs = start.before.complete ? start.before.maxEventTimeMs : older;
    for (const window of snapshot?.windows ?? []) {
      // All of it will be read again: keeping it would count it twice, and nothing would show it.
      if (window.firstOffset >= start.startOffset) continue;
      this.#add(window);
      if (window.dirtySince !== null) this.dirty.add(window);
    }
  }

  get watermarkMs(): number | null {
    return this.#maxEventTimeMs === null ? null : this.#maxEventTimeMs - this.settings.watermarkDelayMs;
  }

  get maxEventTimeMs(): number | null {
    return this.#maxEventTimeMs;
  }

  /** What a commit at the present position says about everything below it. */
  before(): Before {
    const complete = this.start.before.complete;
    return {
      complete,
      maxEventTimeMs: complete ? this.#maxEventTimeMs : null,
      poisonUntilMs: this.#poisonUntilMs,
      poisonOffset: this.#poisonOffset,
    };
  }

  /** Folds one record. Records below the position have been folded already and change nothing. */
  apply(record: SourceRecord): Effect[] {
    if (record.offset < this.position) return [];
    this.position = record.offset + 1;
    if (record.value === null) return []; // a tombstone
    const parsed = parseEventText(record.value.toString('utf8'));
    if (parsed.kind === 'broken') return this.#broken(record, parsed);
    this.#recent.add({ event: parsed.event, timeMs: parsed.eventTimeMs, offset: record.offset });
    const said = this.#order(parsed.event, parsed.eventTimeMs, record.offset);
    const dropped = this.#fold(parsed.event, parsed.eventTimeMs, record.offset);
    if (this.#maxEventTimeMs === null || parsed.eventTimeMs > this.#maxEventTimeMs)
      this.#maxEventTimeMs = parsed.eventTimeMs;
    return [...said, ...(dropped ? [dropped] : []), ...this.closeDue()];
  }

  /** Windows past their lateness leave the state; each says its last word. */
  closeDue(): Effect[] {
    const watermark = this.watermarkMs;
    if (watermark === null || this.#nextEndMs + this.settings.latenessMs > watermark) return [];
    const closed: Effect[] = [];
    this.#nextEndMs = Infinity;
    for (const [key, window] of this.windows) {
      if (window.endMs + this.settings.latenessMs <= watermark) {
        this.windows.delete(key);
        this.dirty.delete(window);
        closed.push({ kind: 'final', window });
      } else this.#nextEndMs = Math.min(this.#nextEndMs, window.endMs);
    }
    return closed;
  }

  /** After a commit: marks that no window opened from there on can match are forgotten. */
  forgetMarks(committed: Before): void {
    const max = committed.maxEventTimeMs;
    this.marks = pruneMarks(this.marks, max === null ? null : max - this.settings.watermarkDelayMs, this.settings);
  }

  /** Takes a command to replace the state of a result; it is done as soon as the partition has read as far (`resetDue`). */
  reset(command: Reset): void {
    this.#resets.add(command);
  }

  /**
   * Replaces what is to be replaced by now, and folds on what has come since. A state that has gone on for longer than its events
   * are remembered stays: its results stay in doubt, and it is asked for again when they change.
   */
  resetDue(): Effect[] {
    const effects: Effect[] = [];
    for (const { state, nonce, business_key: key, symbol, up_to: upTo } of this.#resets.due(this.position)) {
      const since = this.#recent.since(upTo)?.filter(({ event }) => event.symbol === symbol);
      if (since === undefined) continue;
      if (isWindowReset(state)) this.#resetWindow(symbol, state, nonce, upTo, since);
      else effects.push(...this.#resetOrder(key, state, nonce, since));
    }
    return effects;
  }

  #resetWindow(symbol: string, state: WindowReset, nonce: string, upTo: number, since: readonly RecentEvent[]): void {
    const [startMs, endMs] = [Date.parse(state.window_start), Date.parse(state.window_end)];
    const { watermarkMs } = this;
    const closed = watermarkMs !== null && endMs + this.settings.latenessMs <= watermarkMs;
    if (closed || endMs - startMs !== this.settings.windowMs) return;
    const known = this.windows.get(windowKey(symbol, startMs));
    const window = known ?? this.#add(openWindow(symbol, startMs, this.settings.windowMs));
    resetWindow(window, state, nonce);
    for (const { event, timeMs, offset } of since) {
      const own = (event.op === 'c' || event.op === 'r') && timeMs >= startMs && timeMs < endMs;
      // What it had said of this event was said from the state that is gone.
      if (own && fold(window, event, timeMs, offset)) this.#touch(window, offset);
    }
    for (const mark of this.marks) {
      const unread = mark.offset >= upTo || mark.merged === true;
      if (unread && couldBelong(mark, window, this.settings) && noteLost(window, mark))
        this.#touch(window, mark.offset);
    }
  }

  #resetOrder(orderId: string, state: OrderReset, nonce: string, since: readonly RecentEvent[]): Effect[] {
    this.orders.set(orderId, resetOrder(this.orders.get(orderId), state, nonce));
    const own = since.filter(({ event }) => event.order_id === orderId);
    return own.flatMap(({ event, timeMs, offset }): Effect[] => {
      const { change } = foldOrder(this.orders, event, timeMs, offset);
      if (change === null) return [];
      return [{ kind: 'order', change, lost: this.lostSymbols.of(event.symbol, change.beginsMs, offset) }];
    });
  }

  #fold(event: OrderEvent, timeMs: number, offset: number): Effect | null {
    if (event.op !== 'c' && event.op !== 'r') return null; // updates and deletes do not change a window
    const startMs = Math.floor(timeMs / this.settings.windowMs) * this.settings.windowMs;
    const endMs = startMs + this.settings.windowMs;
    const key = windowKey(event.symbol, startMs);
    const watermarkMs = this.watermarkMs;
    if (watermarkMs !== null && endMs + this.settings.latenessMs <= watermarkMs) {
      return { kind: 'late_dropped', resultKind: KIND_ORDER_WINDOW, key, event, offset, watermarkMs };
    }
    const window = this.windows.get(key) ?? this.#add(this.#open(event.symbol, startMs));
    if (!fold(window, event, timeMs, offset)) return null;
    if (watermarkMs !== null && endMs <= watermarkMs) window.late = true;
    this.#touch(window, offset);
    return null;
  }

  /** What an event says of its order at once, and what the rules find in a new order. */
  #order(event: OrderEvent, timeMs: number, offset: number): Effect[] {
    const { created, change } = foldOrder(this.orders, event, timeMs, offset);
    const effects: Effect[] = [];
    if (change !== null) {
      effects.push({ kind: 'order', change, lost: this.lostSymbols.of(event.symbol, change.beginsMs, offset) });
    }
    if (!created) return effects;
    const watermarkMs = this.watermarkMs;
    const { anomalies, tooLate } = this.anomalies.see(event, timeMs, offset, watermarkMs);
    for (const anomaly of anomalies) {
      const lost = this.lostSymbols.of(event.symbol, anomaly.beginsMs, firstOffsetOf(anomaly));
      effects.push({ kind: 'anomaly', anomaly, lost });
    }
    for (const rule of watermarkMs === null ? [] : tooLate) {
      const key = anomalyKey(rule, event.order_id);
      effects.push({
        kind: 'late_dropped',
        resultKind: KIND_ANOMALY,
        key,
        event,
        offset,
        watermarkMs: watermarkMs ?? 0,
      });
    }
    return effects;
  }

  #broken(record: SourceRecord, reason: Extract<Parsed, { kind: 'broken' }>): Effect[] {
    const { offset, key, appendTimeMs } = record;
    const mark: LostMark = { offset, key, appendTimeMs, watermarkMs: this.watermarkMs };
    this.marks = pruneMarks([...this.marks, mark], null, this.settings);
    const untilMs = appendTimeMs + this.settings.poisonSkewMs;
    this.lostSymbols.add({ key, offset, untilMs });
    this.#poisonUntilMs = Math.max(this.#poisonUntilMs ?? 0, untilMs);
    this.#poisonOffset = offset;
    for (const window of this.windows.values()) {
      if (couldBelong(mark, window, this.settings) && noteLost(window, mark)) this.#touch(window, offset);
    }
    return [{ kind: 'dead_letter', record, reason }];
  }

  #open(symbol: string, startMs: number): WindowState {
    const window = openWindow(symbol, startMs, this.settings.windowMs);
    for (const mark of this.marks) if (couldBelong(mark, window, this.settings)) noteLost(window, mark);
    return window;
  }

  #add(window: WindowState): WindowState {
    this.windows.set(windowKey(window.symbol, window.startMs), window);
    this.#nextEndMs = Math.min(this.#nextEndMs, window.endMs);
    return window;
  }

  #touch(window: WindowState, offset: number): void {
    markDirty(window, offset);
    this.dirty.add(window);
  }
}
