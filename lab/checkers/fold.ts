/**
 * The fold of contract.md §4, written a third time: on big integers, from the recorded source records alone. Shares no code
 * with the engines nor with the server; a test compares it with the Python oracle.
 *
 * Kinds: `order_window`, `order`, `anomaly`. Of any other kind nothing can be said here, and the checkers count its claims as
 * unknown.
 */
import type { Coverage, SourceEvent, Value } from '../history/types.js';
import { AnomalyRules, type Creation } from './anomalies.js';
import { compare, decimal, mean, plain, plus, times, ZERO } from './decimal.js';

interface Row {
  readonly event_id: string;
  readonly order_id: string;
  readonly symbol: string;
  readonly side: string;
  readonly quantity: number;
  readonly price: string;
  readonly status: string;
  readonly event_time: string;
  readonly version: number;
}

export interface Decoded {
  readonly op: 'c' | 'u' | 'd' | 'r';
  readonly row: Row;
  readonly eventMs: number;
  readonly place: Place;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
  readonly appendedAtMs: number;
}

export interface Folded {
  readonly value: Value;
  readonly deleted: boolean;
  /** The records that make the value, in order. */
  readonly members: readonly Place[];
}

const MAX_BYTES = 256 * 1024;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ORDER_ID = /^[\x21-\x7e]{1,128}$/;
const SYMBOL = /^[\x21-\x3f\x41-\x7e]{1,64}$/;
const PRICE = /^\d{1,20}(?:\.\d{1,18})?$/;
const TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$/;

/** Milliseconds of a time in the wire's one form, null for anything else: 30 February is nothing. */
export function millis(text: unknown): number | null {
  const found = typeof text === 'string' ? TIME.exec(text) : null;
  if (found === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0] = found.slice(1).map(Number);
  if (year < 1970 || hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : null;
}

const object = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
const text = (pattern: RegExp, value: unknown): boolean => typeof value === 'string' && pattern.test(value);
const count = (value: unknown, least: number): boolean => Number.isSafeInteger(value) && Number(value) >= least;

function imageOf(body: Record<string, unknown>): Record<string, unknown> | null {
  if (!('before' in body) && !('after' in body)) return body;
  return object(body['op'] === 'd' ? body['before'] : body['after']);
}

/** null: nobody can decode it. */
export function decode(event: SourceEvent): Decoded | null {
  if (event.value === null || Buffer.byteLength(event.value) > MAX_BYTES) return null;
  let json: unknown;
  try {
    json = JSON.parse(event.value);
  } catch {
    return null;
  }
  const outer = object(json);
  const body = outer !== null && 'schema' in outer ? (object(outer['payload']) ?? outer) : outer;
  const op = body?.['op'];
  if (body === null || (op !== 'c' && op !== 'u' && op !== 'd' && op !== 'r')) return null;
  const row = imageOf(body);
  const eventMs = millis(row?.['event_time']);
  const valid =
    row !== null &&
    text(UUID, row['event_id']) &&
    text(ORDER_ID, row['order_id']) &&
    text(SYMBOL, row['symbol']) &&
    (row['side'] === 'BUY' || row['side'] === 'SELL') &&
    count(row['quantity'], 1) &&
    text(PRICE, row['price']) &&
    ['PENDING', 'FILLED', 'CANCELLED'].includes(row['status'] as string) &&
    millis(row['produce_time']) !== null &&
    count(row['version'], 0);
  if (!valid || eventMs === null) return null;
  const place = { partition: event.partition, offset: event.offset, appendedAtMs: event.appendedAtMs };
  return { op, row: row as unknown as Row, eventMs, place };
}

const within = ({ partition, offset }: Place, upTo: Coverage | null): boolean =>
  upTo === null || offset <= (upTo[String(partition)]?.[1] ?? -1);

function foldWindow(events: readonly Decoded[], windowMs: number): Folded | null {
  const seen = new Set<string>();
  const members = events.filter(({ row }) => !seen.has(row.order_id) && seen.add(row.order_id));
  const [first] = members;
  if (first === undefined) return null;
  const start = Math.floor(first.eventMs / windowMs) * windowMs;
  const prices = members.map(({ row }) => decimal(row.price));
  const amounts = members.map(({ row }) => times(decimal(row.price), BigInt(row.quantity)));
  const buys = members.filter(({ row }) => row.side === 'BUY').length;
  const sorted = [...prices].sort(compare);
  const value = {
    symbol: first.row.symbol,
    window_start: new Date(start).toISOString(),
    window_end: new Date(start + windowMs).toISOString(),
    orders_total: members.length,
    orders_buy: buys,
    orders_sell: members.length - buys,
    total_amount: plain(amounts.reduce(plus, ZERO)),
    average_price: plain(mean(prices.reduce(plus, ZERO), BigInt(members.length))),
    min_price: plain(sorted[0] ?? ZERO),
    max_price: plain(sorted.at(-1) ?? ZERO),
  };
  return { value, deleted: false, members: members.map(({ place }) => place) };
}

/** The newest version; of the same version the first, but a delete repeats the version of the image that it ends. */
function foldOrder(events: readonly Decoded[]): Folded | null {
  let newest: Decoded | null = null;
  for (const event of events) {
    const later = newest === null || event.row.version > newest.row.version;
    const ends = newest !== null && event.op === 'd' && newest.op !== 'd' && event.row.version === newest.row.version;
    if (later || ends) newest = event;
  }
  if (newest === null) return null;
  const { order_id, symbol, side, quantity, price, status, event_time, version } = newest.row;
  const deleted_at = newest.op === 'd' ? event_time : null;
  const exact = plain(decimal(price));
  return {
    value: { order_id, symbol, side, quantity, price: exact, status, event_time, version, deleted_at },
    deleted: newest.op === 'd',
    members: [newest.place],
  };
}

/** All anomalies of these events, by business key. Each order counts once, by its first creation. */
function foldAnomalies(events: readonly Decoded[]): Map<string, Folded> {
  const seen = new Set<string>();
  const rules = new Map<string, AnomalyRules<Place>>();
  const found = new Map<string, Folded>();
  for (const event of events) {
    if (!creates(event) || seen.has(event.row.order_id)) continue;
    seen.add(event.row.order_id);
    const { symbol } = event.row;
    const own = rules.get(symbol) ?? new AnomalyRules<Place>();
    rules.set(symbol, own);
    const creation: Creation<Place> = { ...event.row, eventMs: event.eventMs, place: event.place };
    for (const { businessKey, value, members } of own.see(creation)) {
      found.set(businessKey, { value, deleted: false, members });
    }
  }
  return found;
}

const creates = ({ op }: Decoded): boolean => op === 'c' || op === 'r';

export const FOLDED_KINDS: readonly string[] = ['order_window', 'order', 'anomaly'];

/** All decodable source records, by what they may belong to. */
export class SourceFold {
  /** Every record that could be decoded, in order of (partition, offset). */
  readonly decoded: readonly Decoded[];
  private byPlace: Map<string, Decoded> | null = null;
  private readonly byKey = new Map<string, Decoded[]>();
  private readonly cache = new Map<string, Folded | null>();
  private readonly anomalies: ReadonlyMap<string, Folded>;
  private readonly byOrder = new Map<string, Decoded>();
  /** Source partitions of each symbol: all its orders come in one, unless somebody moved it. */
  private readonly partitions = new Map<string, Set<number>>();
  private readonly bySymbol = new Map<string, Decoded[]>();
  /** The last record of each partition. */
  private readonly ends = new Map<string, number>();

  constructor(
    events: readonly SourceEvent[],
    readonly windowMs: number,
  ) {
    for (const { partition, offset } of events) {
      this.ends.set(String(partition), Math.max(offset, this.ends.get(String(partition)) ?? -1));
    }
    const sorted = [...events].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
    this.decoded = sorted.map(decode).filter((event) => event !== null);
    for (const event of this.decoded) {
      this.add('order', event.row.order_id, event);
      if (creates(event)) this.created(event);
    }
    this.anomalies = foldAnomalies(this.decoded);
  }

  private created(event: Decoded): void {
    const { symbol, order_id } = event.row;
    this.add('order_window', this.windowOf(event), event);
    const own = this.bySymbol.get(symbol);
    if (own === undefined) this.bySymbol.set(symbol, [event]);
    else own.push(event);
    this.partitions.set(symbol, (this.partitions.get(symbol) ?? new Set()).add(event.place.partition));
    if (!this.byOrder.has(order_id)) this.byOrder.set(order_id, event);
  }

  /** Whether a coverage ends beyond the last record of a partition. */
  lacks(coverage: Coverage): boolean {
    return Object.entries(coverage).some(([partition, [, last]]) => last > (this.ends.get(partition) ?? -1));
  }

  /** The event of this record; undefined: it could not be decoded, or there is none. */
  at(partition: number, offset: number): Decoded | undefined {
    this.byPlace ??= new Map(this.decoded.map((event) => [`${event.place.partition}/${event.place.offset}`, event]));
    return this.byPlace.get(`${partition}/${offset}`);
  }

  windowOf({ row, eventMs }: Decoded): string {
    return `${row.symbol}@${new Date(Math.floor(eventMs / this.windowMs) * this.windowMs).toISOString()}`;
  }

  knows(kind: string): boolean {
    return FOLDED_KINDS.includes(kind);
  }

  keys(kind: string): string[] {
    if (kind === 'anomaly') return [...this.anomalies.keys()];
    return [...this.byKey.keys()].flatMap((id) => (id.startsWith(`${kind}|`) ? [id.slice(kind.length + 1)] : []));
  }

  /** The value up to a coverage, or of everything; null: no record, hence no result. */
  fold(kind: string, businessKey: string, upTo: Coverage | null = null): Folded | null {
    if (kind === 'anomaly') return this.foldAnomaly(businessKey, upTo);
    const ends = Object.entries(upTo ?? {}).map(([p, [, last]]) => `${p}:${last}`);
    const id = `${kind}|${businessKey}|${upTo === null ? '*' : ends.sort().join()}`;
    const known = this.cache.get(id);
    if (known !== undefined) return known;
    const events = (this.byKey.get(`${kind}|${businessKey}`) ?? []).filter(({ place }) => within(place, upTo));
    const folded = kind === 'order_window' ? foldWindow(events, this.windowMs) : foldOrder(events);
    this.cache.set(id, folded);
    return folded;
  }

  /** Later records change no anomaly: up to a coverage it is what it is, or not there yet. */
  private foldAnomaly(businessKey: string, upTo: Coverage | null): Folded | null {
    const whole = this.anomalies.get(businessKey) ?? null;
    if (upTo === null) return whole;
    const orderId = businessKey.slice(businessKey.indexOf(':') + 1);
    const symbol = this.byOrder.get(orderId)?.row.symbol ?? '';
    if ((this.partitions.get(symbol)?.size ?? 0) < 2) {
      const last = whole?.members.at(-1);
      return last !== undefined && within(last, upTo) ? whole : null;
    }
    const events = (this.bySymbol.get(symbol) ?? []).filter(({ place }) => within(place, upTo));
    return foldAnomalies(events).get(businessKey) ?? null;
  }

  private add(kind: string, businessKey: string, event: Decoded): void {
    const id = `${kind}|${businessKey}`;
    const list = this.byKey.get(id);
    if (list === undefined) this.byKey.set(id, [event]);
    else list.push(event);
  }
}
