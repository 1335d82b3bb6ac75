import { parseEventJson, timeToMs } from '../../wire/parse-event.js';
import { eventId, type SourceMessage } from '../../generator/stream.js';

/** Why a line cannot be sent. `code` is stable: scripts may look at it. */
export interface LineProblem {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

export interface Prepared {
  readonly messages: readonly SourceMessage[];
  readonly problems: readonly LineProblem[];
}

export interface PrepareOptions {
  readonly nowMs: number;
  /** Move all times by one distance, so that the first event happens now. */
  readonly shiftToNow: boolean;
}

type Json = Record<string, unknown>;
const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

/** The row images inside one line: the event itself, or what an envelope carries before and after. */
function rowsOf(json: Json): Json[] {
  const body = isObject(json['payload']) && 'schema' in json ? json['payload'] : json;
  if (!('before' in body) && !('after' in body)) return [body];
  return [body['before'], body['after']].filter(isObject);
}

/** People leave out what they have no opinion about. The id follows from the order, so sending a file twice sends duplicates. */
function fill(row: Json, nowMs: number): void {
  row['event_id'] ??= eventId(`${String(row['order_id'])}:${String(row['version'])}`);
  row['produce_time'] ??= new Date(nowMs).toISOString();
}

function shift(row: Json, byMs: number): void {
  for (const field of ['event_time', 'produce_time']) {
    const ms = timeToMs(row[field]);
    if (!Number.isNaN(ms)) row[field] = new Date(ms + byMs).toISOString();
  }
}

/** JSON lines → messages, and what is wrong with the other lines. Nothing is sent here. */
export function prepareLines(text: string, { nowMs, shiftToNow }: PrepareOptions): Prepared {
  const messages: SourceMessage[] = [];
  const problems: LineProblem[] = [];
  let byMs: number | null = shiftToNow ? null : 0;
  for (const [index, source] of text.split('\n').entries()) {
    if (source.trim() === '') continue;
    const line = index + 1;
    let json: unknown;
    try {
      json = JSON.parse(source);
    } catch {
      problems.push({ line, code: 'BAD_JSON', message: 'the line is not JSON' });
      continue;
    }
    const rows = isObject(json) ? rowsOf(json) : [];
    for (const row of rows) fill(row, nowMs);
    const parsed = parseEventJson(json);
    if (parsed.kind === 'broken') {
      problems.push({ line, code: parsed.code, message: parsed.message });
      continue;
    }
    byMs ??= nowMs - parsed.eventTimeMs;
    if (byMs !== 0) for (const row of rows) shift(row, byMs);
    messages.push({ key: parsed.event.symbol, value: JSON.stringify(json) });
  }
  return { messages, problems };
}
