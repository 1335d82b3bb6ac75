import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { murmur2, partitionOf } from './partition.js';
import { parseEventJson } from './parse-event.js';
import { SCHEMA_NAMES, compileSchema, schemaOf, schemaText } from './validate.js';

const folder = new URL('./golden/', import.meta.url);
const golden = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Record<string, unknown>;
const names = readdirSync(folder).sort();

test.each(names)('golden %s satisfies its schema', (name) => {
  const message = golden(name);
  const validate = compileSchema(
    name.startsWith('event.') ? 'order-event' : name.startsWith('reset.') ? 'reset' : schemaOf(message),
  );
  expect([validate(message), validate.errors ?? null]).toEqual([true, null]);
});

test('every control kind and both engines have a golden message', () => {
  const kinds = names.filter((n) => n.startsWith('control.')).map((n) => golden(n)['kind']);
  expect([...new Set(kinds)].sort()).toEqual(['_assignment', '_dead_letter', '_heartbeat', '_late_dropped', '_run']);
  expect(golden('result.flink.json')['processing_engine']).toBe('FLINK');
  expect(golden('result.kafka-only.json')['processing_engine']).toBe('KAFKA_ONLY');
});

test('the format cannot change silently: its hash is pinned', () => {
  const hash = createHash('sha256');
  for (const name of SCHEMA_NAMES) hash.update(JSON.stringify(JSON.parse(schemaText(name))));
  // Changing this line changes the wire: Java, TypeScript and every stored message must follow, or `schema` must rise.
  expect(hash.digest('hex')).toBe('fc88c05bc124fd941be248d028c43fbc341752b9d7a46488bb0482339a855385');
});

test.each(['schema', 'kind', 'business_key', 'op', 'processing_engine', 'pipeline', 'run', 'calculated_value'])(
  'a result without %s is refused',
  (field) => {
    const { [field]: _, ...rest } = golden('result.kafka-only.json');
    expect(compileSchema('result')(rest)).toBe(false);
  },
);

test.each(['evidence', 'delivery', 'seq', 'epoch', 'revision', 'cause', 'final', 'emitted_at', 'completed_checkpoint'])(
  'a foreign job may lack %s',
  (field) => {
    const { [field]: _, ...rest } = golden('result.kafka-only.json');
    expect(compileSchema('result')(rest)).toBe(true);
  },
);

test('every kind of result has a golden message, and its value is checked', () => {
  const results = names.filter((n) => n.startsWith('result.')).map(golden);
  const checked = ['order', 'order_window', 'anomaly'];
  expect(results.map((m) => m['kind'])).toEqual(expect.arrayContaining(checked));
  const validate = compileSchema('result');
  for (const message of results.filter((m) => checked.includes(String(m['kind'])))) {
    const value = message['calculated_value'] as Record<string, unknown>;
    for (const field of Object.keys(value)) {
      const { [field]: _, ...rest } = value;
      expect([message['kind'], field, validate({ ...message, calculated_value: rest })]).toEqual([
        message['kind'],
        field,
        false,
      ]);
      expect(validate({ ...message, calculated_value: { ...value, [field]: ['no'] } })).toBe(false);
    }
  }
});

test('murmur2 is the one of the Java client', () => {
  // Vectors of org.apache.kafka.common.utils.UtilsTest.
  const vectors: Record<string, number> = {
    '21': -973932308,
    foobar: -790332482,
    'a-little-bit-long-string': -985981536,
    'a-little-bit-longer-string': -1486304829,
    lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58897971,
    abc: 479470107,
  };
  for (const [key, hash] of Object.entries(vectors)) expect([key, murmur2(key)]).toEqual([key, hash]);
  expect(partitionOf('21', 4)).toBe((-973932308 & 0x7fffffff) % 4);
});

test('the parser and the schema agree on what an event is', () => {
  const validate = compileSchema('order-event');
  const base = golden('event.flat.json');
  const wrong: unknown[] = [
    undefined,
    null,
    '',
    0,
    1.5,
    -1,
    'x',
    {},
    [],
    '2026-02-30',
    '1e5',
    '٣',
    '1.',
    'a@b',
    'c',
    7,
  ];
  for (const field of Object.keys(base)) {
    for (const value of wrong) {
      const event = JSON.parse(JSON.stringify({ ...base, [field]: value })) as unknown;
      expect([field, value, parseEventJson(event).kind === 'event']).toEqual([field, value, validate(event)]);
      const envelope = { op: 'd', before: event, after: null };
      expect([field, value, parseEventJson(envelope).kind === 'event']).toEqual([
        field,
        value,
        field === 'op' || validate(envelope),
      ]);
    }
  }
});

test('a broken event is named by a stable code', () => {
  const code = (json: unknown): unknown => {
    const parsed = parseEventJson(json);
    return parsed.kind === 'broken' ? parsed.code : parsed.kind;
  };
  const flat = golden('event.flat.json');
  expect(code([])).toBe('NOT_AN_OBJECT');
  expect(code({ ...flat, op: 'x' })).toBe('OP_UNKNOWN');
  expect(code({ op: 'd', before: null, after: flat })).toBe('IMAGE_MISSING');
  expect(code({ ...flat, price: undefined })).toBe('FIELD_MISSING');
  expect(code({ ...flat, price: 72000 })).toBe('FIELD_INVALID');
  expect(code({ ...flat, event_time: '2026-02-30T00:00:00.000Z' })).toBe('FIELD_INVALID');
  expect(code({ schema: {}, payload: { op: 'c', before: null, after: flat } })).toBe('event');
});
