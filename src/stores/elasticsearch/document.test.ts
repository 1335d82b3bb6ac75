import fc from 'fast-check';
import { position } from '../../position/position.js';
import { code } from '../conformance.js';
import { key, result } from '../conformance.data.js';
import { chunks, toWritten } from './apply.js';
import { fromElastic, idOf, searchTexts, toElastic } from './document.js';
import { listBody } from './read.js';

const p = position(2n ** 60n + 1n);
const now = new Date(0);
const text = fc.string({ unit: fc.constantFrom('|', '%', '7', 'C', '2', '5', 'a'), maxLength: 6 });

test('two keys never share an id, and no id is longer than Elasticsearch takes', () => {
  fc.assert(
    fc.property(text, text, text, text, (kind, businessKey, otherKind, otherKey) => {
      fc.pre(kind !== otherKind || businessKey !== otherKey);
      expect(idOf(key(businessKey, kind))).not.toBe(idOf(key(otherKey, otherKind)));
    }),
  );
  const long = ['a', 'b'].map((end) => idOf(key(`${'삼'.repeat(400)}${end}`)));
  expect(new Set(long).size).toBe(2);
  for (const id of long) expect(Buffer.byteLength(id)).toBeLessThanOrEqual(512);
});

test('a result comes back from its JSON as it was, whatever its field names', () => {
  const names = ['__proto__', '', '.', 'a..b', 'toString'];
  const calculatedValue = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:1e300`).join()}}`) as object;
  const written = result(p, { businessKey: 'a', calculatedValue: { ...calculatedValue } });
  expect(fromElastic(JSON.parse(JSON.stringify(toElastic(written, now))))).toEqual(written);
});

test('a search looks at every text once, within a bound', () => {
  const calculatedValue = { symbol: 'G1', n: 1, none: null, nested: [{ rule: 'LARGE' }, 'G1', ''] };
  expect(searchTexts(result(p, { businessKey: 'a', calculatedValue }))).toEqual(['a', 'G1', 'LARGE']);
  const huge = searchTexts(result(p, { businessKey: 'a', calculatedValue: { huge: 'x'.repeat(1_000_000), b: 'b' } }));
  expect(huge.join('').length).toBeLessThan(100_000);
});

test('documents go in requests of a bounded size, in order, and one that is too large is rejected', () => {
  const written = Array.from({ length: 5_000 }, (_, n) => toWritten(result(p, { businessKey: `k${n}` }), now));
  const groups = [...chunks(written)];
  expect(groups.flat()).toEqual(written);
  for (const group of groups) expect(group.length).toBeLessThanOrEqual(2_000);
  const blob = result(p, { businessKey: 'a', calculatedValue: { blob: 'x'.repeat(17 * 1024 * 1024) } });
  expect(() => toWritten(blob, now)).toThrow(code('CHANGE_REJECTED', false) as Error);
});

test('a listing takes no field that could mean another one', () => {
  const query = { kind: 'k', engine: 'FLINK', equals: {}, orderBy: 'a', descending: false, limit: 1 } as const;
  for (const orderBy of ['a.b', '', 'a*', 'a b', '삼']) {
    expect(() => listBody({ ...query, orderBy })).toThrow(code('LIST_QUERY_INVALID', false) as Error);
  }
});
