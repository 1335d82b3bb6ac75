import { OPS, SIDES, STATUSES, type Op, type OrderEvent } from './event.js';
import type { ParseCode } from './control.js';

export type Parsed =
  | { readonly kind: 'event'; readonly event: OrderEvent; readonly eventTimeMs: number }
  | { readonly kind: 'broken'; readonly code: ParseCode; readonly message: string };

export const MAX_EVENT_BYTES = 256 * 1024;

const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const ORDER_ID = /^[!-~]{1,128}$/;
const SYMBOL = /^[!-?A-~]{1,64}$/; // no @: it separates symbol and window start in a business key
const DECIMAL = /^[0-9]{1,20}(\.[0-9]{1,18})?$/;
const TIME = /^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$/;

/** Milliseconds of a time in the wire's one format, or NaN; 30 February is NaN, not 2 March. */
export function timeToMs(text: unknown): number {
  if (typeof text !== 'string' || !TIME.test(text)) return NaN;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || new Date(ms).toISOString() !== text ? NaN : ms;
}

type Check = (value: unknown) => boolean;
const matches =
  (pattern: RegExp): Check =>
  (v) =>
    typeof v === 'string' && pattern.test(v);
const oneOf =
  (...allowed: readonly string[]): Check =>
  (v) =>
    typeof v === 'string' && allowed.includes(v);
const integerFrom =
  (min: number): Check =>
  (v) =>
    Number.isSafeInteger(v) && (v as number) >= min;

const FIELDS: Readonly<Record<Exclude<keyof OrderEvent, 'op'>, Check>> = {
  event_id: matches(UUID),
  order_id: matches(ORDER_ID),
  symbol: matches(SYMBOL),
  side: oneOf(...SIDES),
  quantity: integerFrom(1),
  price: matches(DECIMAL),
  status: oneOf(...STATUSES),
  event_time: (v) => !Number.isNaN(timeToMs(v)),
  produce_time: (v) => !Number.isNaN(timeToMs(v)),
  version: integerFrom(0),
};

const broken = (code: ParseCode, message: string): Parsed => ({ kind: 'broken', code, message });
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Text of one source record → event, from the flat form or a Debezium envelope. Tombstones never come here. */
export function parseEventText(text: string): Parsed {
  if (Buffer.byteLength(text) > MAX_EVENT_BYTES) return broken('TOO_LARGE', `more than ${MAX_EVENT_BYTES} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return broken('BAD_JSON', 'the value is not JSON');
  }
  return parseEventJson(json);
}

/** The same for a value that has been through JSON.parse. */
export function parseEventJson(json: unknown): Parsed {
  if (!isObject(json)) return broken('NOT_AN_OBJECT', 'the value is not a JSON object');
  // Connect's JsonConverter with schemas.enable wraps the envelope in { schema, payload }.
  const body = isObject(json['payload']) && 'schema' in json ? json['payload'] : json;
  const op = body['op'];
  if (!oneOf(...OPS)(op)) return broken('OP_UNKNOWN', `op must be one of ${OPS.join(', ')}`);
  const enveloped = 'after' in body || 'before' in body;
  const side = op === 'd' ? 'before' : 'after';
  const row = enveloped ? body[side] : body;
  if (!isObject(row)) return broken('IMAGE_MISSING', `op ${String(op)} needs "${side}"`);
  return parseRow(row, op as Op);
}

function parseRow(row: Record<string, unknown>, op: Op): Parsed {
  for (const [name, valid] of Object.entries(FIELDS)) {
    if (row[name] === undefined || row[name] === null) return broken('FIELD_MISSING', `${name} is missing`);
    if (!valid(row[name])) return broken('FIELD_INVALID', `${name} is not valid`);
  }
  const event = { ...(row as unknown as OrderEvent), op };
  return { kind: 'event', event, eventTimeMs: timeToMs(event.event_time) };
}
