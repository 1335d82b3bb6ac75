/** Whatever bytes come: a record is accepted, a dead letter with its cause and place, or of a schema nobody knows. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { AppError } from '../errors.js';
import type { LogRecord } from '../log/port.js';
import { DEAD_LETTER_PAYLOAD_BYTES, decode, type Place } from './decode.js';

const place: Place = { topic: 'results.kafka-only', partition: 3, engine: 'KAFKA_ONLY' };
const result = JSON.parse(
  readFileSync(new URL('../../wire/golden/result.kafka-only.json', import.meta.url), 'utf8'),
) as Record<string, unknown> & { business_key: string };
const record = (value: unknown, key: string | null = result.business_key): LogRecord => ({
  offset: 41n,
  key,
  value:
    value === null || Buffer.isBuffer(value)
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  timestampMs: 0,
});
const letterOf = (value: unknown, key?: string | null) => {
  const decoded = decode(record(value, key), place, 0);
  return decoded.type === 'dead-letter' ? decoded : null;
};

test.each<[string, unknown, string]>([
  ['no JSON', '{"broken', 'BAD_JSON'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0]), 'BAD_JSON'],
  ['nothing', Buffer.alloc(0), 'BAD_JSON'],
  ['a tombstone', null, 'NULL_VALUE'],
  ['no object', '[1]', 'NOT_AN_OBJECT'],
  ['JSON null', 'null', 'NOT_AN_OBJECT'],
  ['more than a megabyte', Buffer.alloc(1_048_577, 0x20), 'TOO_LARGE'],
  ['an unknown op', { ...result, op: 'explode' }, 'SCHEMA_INVALID'],
  ['an unknown delivery', { ...result, delivery: 'TWICE' }, 'SCHEMA_INVALID'],
  ['an unknown control kind', { ...result, kind: '_surprise' }, 'SCHEMA_INVALID'],
  ['no schema', { ...result, schema: undefined }, 'SCHEMA_INVALID'],
  ['a schema that is no number', { ...result, schema: '1' }, 'SCHEMA_INVALID'],
  ["another engine's", { ...result, processing_engine: 'FLINK' }, 'ENGINE_UNEXPECTED'],
  ['NUL in a text', { ...result, business_key: 'a\u0000' }, 'BAD_TEXT'],
  ['half a surrogate pair', { ...result, business_key: 'a\ud800' }, 'BAD_TEXT'],
  ['a name of a driver', { ...result, kind: 'custom', calculated_value: { $ref: 1 } }, 'BAD_FIELD'],
  [
    'nested too deep',
    { ...result, kind: 'custom', calculated_value: JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) as object },
    'TOO_DEEP',
  ],
])('%s: a dead letter with its cause, its place and its Kafka key', (_, value, cause) => {
  expect(letterOf(value)?.letter).toMatchObject({
    topic: place.topic,
    partition: place.partition,
    offset: 41n,
    kafkaKey: result.business_key,
    cause,
    message: expect.stringMatching(/./) as string,
    truncated: cause === 'TOO_LARGE',
    reportedBy: 'ingest',
  });
});

test('any bytes are accepted or a dead letter at their own offset, which holds them; nothing is thrown but an unknown schema', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc.json().map((text) => Buffer.from(text)),
    // A good message with something wrong at one place.
    fc
      .record({ field: fc.constantFrom(...Object.keys(result)), value: fc.jsonValue() })
      .map(({ field, value }) => Buffer.from(JSON.stringify({ ...result, [field]: value }))),
    fc.nat(JSON.stringify(result).length).map((cut) => Buffer.from(JSON.stringify(result).slice(0, cut))),
  );
  fc.assert(
    fc.property(bytes, fc.option(fc.string()), (value, key) => {
      let decoded;
      try {
        decoded = decode(record(value, key), place, 5);
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
        expect((error as AppError).code).toBe('SCHEMA_UNKNOWN');
        return;
      }
      if (decoded.type === 'accepted') {
        expect(decoded.record.type === 'result' ? decoded.record.offset : 41n).toBe(41n);
        return;
      }
      expect([decoded.letter.offset, decoded.letter.cause]).toEqual([41n, expect.stringMatching(/^[A-Z_]+$/)]);
      expect(decoded.letter.payload?.equals(value.subarray(0, DEAD_LETTER_PAYLOAD_BYTES))).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test.each([0, 2, -1, 1_000])('schema %d stops the partition: it is neither guessed at nor a dead letter', (schema) => {
  let thrown: unknown = null;
  try {
    decode(record({ ...result, schema }), place, 0);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'SCHEMA_UNKNOWN', retryable: false, outcome: 'none' });
});

describe('the number of a broken result', () => {
  const broken = { ...result, op: 'explode', seq: 7, run: { id: 'r/1', subtask: 2 } };

  test('counts, so that only its key is in doubt and not all that its run says after it', () => {
    expect(letterOf(broken)?.record).toMatchObject({
      type: 'other',
      stamp: { pipeline: result['pipeline'], run: 'r/1', subtask: 2, seq: 7 },
    });
  });

  test.each<[string, unknown, string | null]>([
    ['under another Kafka key', broken, 'other'],
    ['without a Kafka key', broken, null],
    ['of a control record', { ...broken, kind: '_late_dropped' }, result.business_key],
    ['beyond what a number holds', { ...broken, seq: 1e300 }, result.business_key],
    ['of nobody', { ...broken, run: 'r' }, result.business_key],
    ["of another engine's record", { ...broken, op: 'upsert', processing_engine: 'FLINK' }, result.business_key],
    ['in no JSON', JSON.stringify(broken).slice(0, -1), result.business_key],
  ])('does not count %s', (_, value, key) => {
    expect(letterOf(value, key)?.record).toBeNull();
  });
});
