import { parse, type OperationDefinitionNode } from 'graphql';
import { buildApi } from '../resolvers/index.js';
import { costOf } from './cost.js';
import { pagesOf } from './limits.js';
import { LruMap } from './lru-map.js';

const cost = (text: string, variables: Record<string, unknown> = {}): number => {
  const document = parse(text);
  return costOf(document, document.definitions[0] as OperationDefinitionNode, variables, new Map([['list', 50]]));
};

test('a page costs its size times what it selects, whether the size is written, a variable, its default or left out', () => {
  expect(cost('{ list(first: 10) { a b } }')).toBe(21);
  expect(cost('query Q($n: Int) { list(last: $n) { a b } }', { n: 10 })).toBe(21);
  expect(cost('query Q($n: Int = 10) { list(first: $n) { a b } }')).toBe(21);
  expect(cost('{ list { a b } }')).toBe(101);
  expect(cost('{ list(first: -5) { a b } }')).toBe(101);
  expect(cost('{ one { a b } x: one { a } }')).toBe(5);
});

test('a window history costs by the range that is asked for, and as much as it may hold when that is not known', () => {
  const { schema } = buildApi();
  const history = (args: string, variables: Record<string, unknown> = {}, head = ''): number => {
    const document = parse(`query Q${head} { windowHistory(symbol: "A", ${args}) { revision final } }`);
    return costOf(document, document.definitions[0] as OperationDefinitionNode, variables, pagesOf(schema));
  };
  const [from, to] = ['2026-01-05T09:00:00.000Z', '2026-01-05T10:00:00.000Z'];
  const hour = 1 + 2 * 12;
  const week = 1 + 2 * 2_016;
  expect(history(`from: "${from}", to: "${to}"`)).toBe(hour);
  expect(history(`from: "2026-01-05T18:00:00+09:00", to: "${to}"`)).toBe(hour);
  const head = `($from: DateTime!, $to: DateTime! = "${to}")`;
  expect(history('from: $from, to: $to', { from }, head)).toBe(hour);
  expect(history(`from: "${to}", to: "${from}"`)).toBe(1 + 2);
  for (const bad of ['yesterday', '2020-01-01T00:00:00Z']) expect(history(`from: "${bad}", to: "${to}"`)).toBe(week);
  expect(history('from: $from, to: $to', {}, head)).toBe(week);
});

test('fragments cost what they select wherever they are spread, and nesting them does not make counting slow', () => {
  expect(cost('{ one { ...F ... on T { c } } two { ...F } } fragment F on T { a b }')).toBe(7);
  const bomb = Array.from({ length: 60 }, (_, i) => `fragment F${i} on T { ...F${i + 1} ...F${i + 1} }`).join(' ');
  expect(cost(`{ ...F0 } ${bomb} fragment F60 on T { a }`)).toBe(2 ** 60);
});

test('the map keeps what was used last', () => {
  const map = new LruMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.get('a');
  map.set('c', 3);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
});
