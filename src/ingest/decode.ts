/** A record of a result topic → what the decision understands, or a dead letter. Pure. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { RESULT_SCHEMA } from '../../wire/topics.js';
import { KIND_ORDER } from '../../wire/order.js';
import { CONTROL_KINDS, type ControlPayload } from '../../wire/control.js';
import type { ControlMessage, ResultMessage, WireMessage } from '../../wire/result.js';
import type { Incoming, SourceProgress, Stamp, Verification } from '../decision/state.js';
import { AppError } from '../errors.js';
import type { LogRecord } from '../log/port.js';
import type { ProcessingEngine } from '../words.js';

export interface DeadLetter {
  /** Where the undecodable record lies: the source for what an engine reports, else the result topic. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly kafkaKey: string | null;
  /** Stable code. */
  readonly cause: string;
  readonly message: string;
  readonly payload: Buffer | null;
  readonly truncated: boolean;
  readonly reportedBy: string;
}

/** Kinds of which a result is what its newest record says; those of all others fold every record of their coverage. */
const NEWEST_ONLY: ReadonlySet<string> = new Set([KIND_ORDER]);

/** What only the row's columns need, beside what is decided on. */
export interface Provenance {
  readonly message: ResultMessage;
}

export type Decoded =
  | { readonly type: 'accepted'; readonly record: Incoming; readonly provenance: Provenance | null }
  /** `record`: what of it takes part in the decision all the same, at least its number. */
  | { readonly type: 'dead-letter'; readonly letter: DeadLetter; readonly record: Incoming | null };

export interface Place {
  readonly topic: string;
  readonly partition: number;
  /** The only engine that may write to the topic. */
  readonly engine: ProcessingEngine;
}

/** Who reports records of the result topics; pipelines report those of the source. */
export const INGEST = 'ingest';

/** Larger payloads are cut in the dead letter; the record itself stays in its topic. */
export const DEAD_LETTER_PAYLOAD_BYTES = 65_536;
const MAX_RECORD_BYTES = 1_048_576;
const MAX_DEPTH = 32;

const ajv = new Ajv2020({ allErrors: false, strict: false });
const load = (name: string): ValidateFunction =>
  ajv.compile(JSON.parse(readFileSync(new URL(`../../wire/schema/${name}`, import.meta.url), 'utf8')) as object);
const validateResult = load('result.schema.json');
const validateControl = load('control.schema.json');

const describe = (errors: ErrorObject[] | null | undefined): string => {
  const [first] = errors ?? [];
  return first === undefined
    ? 'does not fit the schema'
    : `${first.instancePath || '/'} ${first.message ?? 'is invalid'}`;
};

class Broken extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Names that the MongoDB driver takes for its own types: no read model could store them as they are. */
const RESERVED = new Set(['_bsontype', '$ref', '$id', '$db']);

/** PostgreSQL's json can't hold NUL or half a surrogate pair, and gives up on deep nesting. */
function checkStorable(value: unknown, depth = 0): void {
  if (depth > MAX_DEPTH) throw new Broken('TOO_DEEP', `nested deeper than ${MAX_DEPTH}`);
  if (typeof value === 'string') {
    if (value.includes('\u0000') || /[\uD800-\uDFFF]/u.test(value)) {
      throw new Broken('BAD_TEXT', 'holds NUL or half a surrogate pair');
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      if (RESERVED.has(key)) throw new Broken('BAD_FIELD', `a field can't be called ${key}`);
      checkStorable(key, depth);
      checkStorable(inner, depth + 1);
    }
  }
}

function parse(record: LogRecord): Record<string, unknown> {
  if (record.value === null) throw new Broken('NULL_VALUE', 'a result topic holds no tombstones');
  if (record.value.length > MAX_RECORD_BYTES) throw new Broken('TOO_LARGE', `larger than ${MAX_RECORD_BYTES} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(record.value.toString('utf8'));
  } catch (error) {
    throw new Broken('BAD_JSON', (error as Error).message);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Broken('NOT_AN_OBJECT', 'a result message is a JSON object');
  }
  return parsed as Record<string, unknown>;
}

/** @throws AppError SCHEMA_UNKNOWN, not retryable: the partition pauses, nothing is guessed and nothing is skipped */
function validate(parsed: Record<string, unknown>, place: Place, record: LogRecord): WireMessage {
  if (Number.isInteger(parsed['schema']) && parsed['schema'] !== RESULT_SCHEMA) {
    throw new AppError(
      'SCHEMA_UNKNOWN',
      `${place.topic}/${place.partition}@${record.offset} is of schema ${String(parsed['schema'])}, this server reads schema ${RESULT_SCHEMA}: upgrade the server, the partition waits.`,
      { retryable: false, outcome: 'none' },
    );
  }
  const control = (CONTROL_KINDS as readonly unknown[]).includes(parsed['kind']);
  const check = control ? validateControl : validateResult;
  if (!check(parsed)) throw new Broken('SCHEMA_INVALID', describe(check.errors));
  checkStorable(parsed);
  const message = parsed as unknown as WireMessage;
  if (message.processing_engine !== place.engine) {
    throw new Broken(
      'ENGINE_UNEXPECTED',
      `${place.topic} belongs to ${place.engine}, not ${message.processing_engine}`,
    );
  }
  return message;
}

const isoOrNull = (value: unknown): string | null =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : null;

function completedOf({ completed_checkpoint: completed }: WireMessage): Stamp['completed'] {
  const time = isoOrNull(completed?.time);
  return completed == null || time === null ? null : { id: completed.id, time };
}

const stampOf = (message: WireMessage, { offset, inTransaction }: LogRecord): Stamp => ({
  pipeline: message.pipeline,
  engine: message.processing_engine,
  run: message.run.id,
  subtask: message.run.subtask ?? 0,
  seq: message.seq ?? null,
  offset: Number(offset),
  lineage: message.run.lineage ?? null,
  epoch: message.epoch ?? null,
  delivery: message.delivery ?? null,
  transactional: inTransaction === true,
  completed: completedOf(message),
  intervalMs: message.checkpoint_interval_ms ?? null,
});

/** What the message says of the recomputation that it comes from. */
function verificationOf({ cause, reprocessing }: ResultMessage): Verification | null {
  if (cause !== 'REPROCESSED' || reprocessing === undefined) return null;
  const { request, nonce, up_to: upTo } = reprocessing;
  return { request, nonce, upTo, mustReach: [] };
}

function incomingResult(message: ResultMessage, place: Place, from: LogRecord, ordinal: number): Incoming {
  const { evidence } = message;
  const { offset } = from;
  return {
    type: 'result',
    ordinal,
    offset,
    stamp: stampOf(message, from),
    // Until its request is found (commit.ts).
    arrival: message.cause === 'REPROCESSED' ? 'UNREQUESTED' : (message.cause ?? 'IN_ORDER'),
    verification: verificationOf(message),
    resetBy: message.state_reset ?? null,
    redelivered: false,
    lost: Object.keys(evidence?.lost ?? {}).length > 0,
    begins: isoOrNull(evidence?.begins ?? message.calculated_value['window_start']),
    newestOnly: NEWEST_ONLY.has(message.kind),
    state: {
      kind: message.kind,
      businessKey: message.business_key,
      engine: message.processing_engine,
      calculatedValue: message.calculated_value,
      deleted: message.op === 'delete',
      final: message.final ?? false,
      stale: false,
      cap: 'HIGH',
      reasons: [],
      pipeline: message.pipeline,
      resultPartition: place.partition,
      run: message.run.id,
      revision: message.revision ?? 0,
      coverage: evidence?.coverage ?? null,
      // One form, whatever the sender's precision: Postgres and the documents must not differ in it.
      lastCheckpointTime: isoOrNull(message.completed_checkpoint?.time),
      digest: evidence?.digest ?? null,
      epoch: message.epoch ?? null,
      resultOffset: Number(offset),
      verified: message.cause === 'REPROCESSED',
      events: evidence?.events ?? null,
      taints: {},
      verification: null,
      verifiedTo: null,
      decided: null,
    },
  };
}

/** The kind whose result lost an event, where the message does not name it. */
const LATE_DROP_KIND = 'order_window';

function incomingControl(message: ControlMessage, place: Place, from: LogRecord): Incoming {
  const stamp = stampOf(message, from);
  switch (message.kind) {
    case '_assignment': {
      const payload = message.calculated_value as ControlPayload['_assignment'];
      return {
        type: 'assignment',
        stamp,
        sourcePartition: String(payload.source_partition),
        startOffset: payload.start_offset,
        maxEventTimeBefore: payload.max_event_time_before,
      };
    }
    case '_heartbeat': {
      const payload = message.calculated_value as ControlPayload['_heartbeat'];
      const sources = Object.entries(payload.sources ?? {}).map(([p, s]) => [
        p,
        { nextOffset: s.next_offset, appendTime: s.append_time, watermark: s.watermark ?? null },
      ]);
      return {
        type: 'heartbeat',
        stamp,
        state: payload.state,
        sources: Object.fromEntries(sources) as Record<string, SourceProgress>,
        subtasks: payload.subtasks ?? null,
      };
    }
    case '_late_dropped': {
      const payload = message.calculated_value as ControlPayload['_late_dropped'];
      const { kind = LATE_DROP_KIND, source_partition: partition, source_offset: offset } = payload;
      const key = { kind, businessKey: message.business_key, engine: message.processing_engine };
      const source = { partition: String(partition), offset };
      return { type: 'late-drop', stamp, key, resultPartition: place.partition, source };
    }
    case '_run': {
      const { parent, counters } = message.calculated_value as ControlPayload['_run'];
      return { type: 'run', stamp, parent, counters };
    }
    default:
      return { type: 'other', stamp };
  }
}

/** What an engine could not decode, as it reported it. */
function reportedLetter(message: ControlMessage): DeadLetter {
  const payload = message.calculated_value as ControlPayload['_dead_letter'];
  return {
    topic: payload.source_topic,
    partition: payload.source_partition,
    offset: BigInt(payload.source_offset),
    kafkaKey: payload.kafka_key,
    cause: payload.cause,
    message: payload.message,
    payload: Buffer.from(payload.payload_base64, 'base64'),
    truncated: payload.truncated,
    reportedBy: message.pipeline,
  };
}

const storable = (text: string): string => text.replaceAll('\u0000', '\uFFFD');

/** A record of the result topic itself that can't be used. */
export function letterOf(record: LogRecord, place: Place, cause: string, message: string): DeadLetter {
  const payload = record.value?.subarray(0, DEAD_LETTER_PAYLOAD_BYTES) ?? null;
  return {
    topic: place.topic,
    partition: place.partition,
    offset: record.offset,
    kafkaKey: record.key === null ? null : storable(record.key),
    cause,
    // It may repeat a piece of the record.
    message: storable(message),
    payload,
    truncated: (record.value?.length ?? 0) > DEAD_LETTER_PAYLOAD_BYTES,
    reportedBy: INGEST,
  };
}

const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= most && !value.includes('\u0000');

/**
 * The number that a broken result carries, if it is to be had: then nothing else of its run is missing, and only its own key
 * is in doubt. Without it the next record shows a hole (OUTPUT_GAP). Of a control record nothing is counted: what it said
 * may concern more than its key.
 */
function numberOf(parsed: Record<string, unknown>, record: LogRecord, place: Place): Incoming | null {
  const { kind, pipeline, seq, business_key: key } = parsed;
  const { id, subtask = 0 } = (parsed['run'] ?? {}) as Record<string, unknown>;
  const whole = Number.isSafeInteger(seq) && Number.isSafeInteger(subtask);
  if (!isText(kind, 512) || kind.startsWith('_') || key !== record.key || !whole) return null;
  if (!isText(pipeline, 128) || !isText(id, 256) || parsed['processing_engine'] !== place.engine) return null;
  if ((seq as number) < 1 || (subtask as number) < 0) return null;
  // It counts, and vouches for nothing.
  const stamp: Stamp = {
    pipeline,
    engine: place.engine,
    run: id,
    subtask: subtask as number,
    seq: seq as number,
    offset: Number(record.offset),
    lineage: null,
    epoch: null,
    delivery: null,
    transactional: false,
    completed: null,
    intervalMs: null,
  };
  return { type: 'other', stamp };
}

/**
 * @param ordinal the record's place in its batch
 * @throws AppError SCHEMA_UNKNOWN
 */
export function decode(record: LogRecord, place: Place, ordinal: number): Decoded {
  let parsed: Record<string, unknown> | null = null;
  try {
    parsed = parse(record);
    const message = validate(parsed, place, record);
    if (!(CONTROL_KINDS as readonly string[]).includes(message.kind)) {
      const result = message as ResultMessage;
      return {
        type: 'accepted',
        record: incomingResult(result, place, record, ordinal),
        provenance: { message: result },
      };
    }
    const control = message as ControlMessage;
    const incoming = incomingControl(control, place, record);
    return control.kind === '_dead_letter'
      ? { type: 'dead-letter', letter: reportedLetter(control), record: incoming }
      : { type: 'accepted', record: incoming, provenance: null };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const letter = letterOf(record, place, error.code, error.message);
    return { type: 'dead-letter', letter, record: parsed === null ? null : numberOf(parsed, record, place) };
  }
}
