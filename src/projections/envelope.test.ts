import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodePart, documentsOf } from './envelope.js';

type Golden = Record<string, unknown> & { after: Record<string, unknown> };
const bytes = readFileSync(fileURLToPath(new URL('./test-support/debezium-commit-log.json', import.meta.url)));
const golden = JSON.parse(bytes.toString('utf8')) as Golden;
const encoded = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const altered = (after: Record<string, unknown>): Buffer =>
  encoded({ ...golden, after: { ...golden.after, ...after } });

function expectInvalid(decode: () => unknown): void {
  let failure: unknown;
  try {
    decode();
  } catch (error) {
    failure = error;
  }
  expect(failure).toMatchObject({ code: 'CDC_RECORD_INVALID', retryable: false });
}

test('a record that Debezium wrote is a part with its documents', () => {
  const part = decodePart(bytes);
  expect(part).toEqual({
    position: 1n,
    part: 0,
    parts: 1,
    nonce: golden.after['nonce'],
    predecessor: golden.after['predecessor'],
    incarnation: golden.after['incarnation'],
    committedAt: golden.after['committed_at_us'],
    documents: golden.after['documents'],
    documentCount: 2,
  });
  expect(documentsOf(part)).toMatchObject([
    {
      businessKey: '005930@2026-01-05T09:00:00.000Z',
      position: 1n,
      committedAt: part.committedAt,
      coverage: { '0': [1200, 1240] },
    },
    {
      businessKey: '삼성|"전자"',
      deleted: true,
      coverage: null,
      calculatedValue: { total_amount: '84850000.00000001' },
    },
  ]);
});

test('an int64 may come as a string; one that lost digits is refused', () => {
  expect(decodePart(altered({ position: '9007199254740993' })).position).toBe(9007199254740993n);
  expect(decodePart(altered({ committed_at_us: '1767603600000000' })).committedAt).toBe(1767603600000000);
  expectInvalid(() => decodePart(altered({ position: 2 ** 60 })));
});

test.each<[string, Buffer]>([
  ['no JSON', Buffer.from('{"op":"c"')],
  ['not an object', encoded('text')],
  ['an update', encoded({ ...golden, op: 'u' })],
  ['a delete', encoded({ ...golden, op: 'd', after: null })],
  ['a snapshot read', encoded({ ...golden, op: 'r' })],
  ['a schema around it', encoded({ schema: {}, payload: golden })],
  ['no nonce', altered({ nonce: null })],
  ['a negative position', altered({ position: -1 })],
  ['a part beyond the parts', altered({ part: 1 })],
  ['no documents', altered({ documents: undefined })],
])('%s is not a part', (_, value) => {
  expectInvalid(() => decodePart(value));
});

test.each<[string, Record<string, unknown>]>([
  ['fewer documents than counted', { document_count: 3 }],
  ['more documents than counted', { document_count: 1 }],
  ['documents that are not JSON', { documents: '[' }],
  ['documents that are not an array', { documents: '{}' }],
  ['a document without a value', { documents: '[{"kind":"order"}]', document_count: 1 }],
  ['__debezium_unavailable_value', { documents: '__debezium_unavailable_value' }],
])('%s: nothing of the part is used', (_, after) => {
  const part = decodePart(altered(after));
  expectInvalid(() => documentsOf(part));
});
